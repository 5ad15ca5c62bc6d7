"""A module that works while it is imported, and imports another one that does."""
from shared import slow_tables

steps = []
for number in range(6):
    steps.append(number + slow_tables.BASE)
    print("start", number, __name__, __spec__.name)


def total():
    return sum(steps)


class Settings:
    values = {}
    for step in steps:
        values[step] = step * 2
    print("settings", len(values))
