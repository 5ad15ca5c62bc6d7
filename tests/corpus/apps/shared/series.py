"""A sequence class and a registry."""
from collections.abc import Sequence

from . import settings


class Series(Sequence):
    def __init__(self, values):
        self._values = values

    def __getitem__(self, index):
        return self._values[index]

    def __len__(self):
        return len(self._values)

    def total(self):
        return sum(self)

    def extend(self, turn):
        settings.COUNTS["extended"] += 1
        last = self._values[-1]
        for step in range(3):
            last = (last * 69069 + turn + step) % 65537
            self._values.append(last)
        if len(self._values) > 500:
            del self._values[:100]


def register(table):
    def add(function):
        table[function.__name__] = function
        return function
    return add
