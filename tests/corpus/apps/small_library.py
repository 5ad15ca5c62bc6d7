"""A program of several modules that only its own folder has, one imported late, one by name."""
import importlib

from shared import settings
from shared.series import Series, register

handlers = {}


@register(handlers)
def mean(series):
    return series.total() / len(series)


@register(handlers)
def spread(series):
    return max(series) - min(series)


def main():
    series = Series(settings.START)
    for turn in range(settings.TURNS):
        series.extend(turn)
        if turn % 12500 == 0:
            late = importlib.import_module("shared.late")
            late.CALLS.append(turn)
            values = {name: round(run(series), 6) for name, run in handlers.items()}
            print(turn, values, late.describe(series), settings.COUNTS, flush=True)


if __name__ == "__main__":
    main()
