"""Imported in the middle of the run."""
print("late is imported")
CALLS = []


def describe(series):
    return f"{len(series)} values after {len(CALLS)} calls"
