"""f(*given), where the call lets go of what is given before f runs, and something else takes its place."""

import functools
import operator
from collections import namedtuple

Pair = namedtuple("Pair", "a b")


def busy(a, b):
    held = [[a], [a, b], [a] * 5, (b, 1), str(b) * 9, Pair(1, 2), {1: 2}, bytearray(24), bytearray(48)]
    return int(a) * 10 + int(b) + len(held)


class Made:
    def __init__(self, a, b):
        self.total = busy(a, b)


class Twice(Made):
    def __new__(cls, *args):
        busy(*args)
        return super().__new__(cls)


class Called:
    def __call__(self, *args, **named):
        return busy(*args) + len(named)


cached, part = functools.lru_cache(busy), functools.partial(busy, "7")
print(busy(*"3 4".split()), busy(*Pair(1, 2)), busy(*map(int, ["5", "6"])))
print(busy(*(n for n in (7, 8))), busy(*{"x": 1, "y": 2}.values()), busy(*reversed([1, 2])))
print(Made(*"3 4".split()).total, Twice(*Pair(1, 2)).total, Made(*map(int, "56")).total)
print(Called()(*[1, 2], **{"c": 3}), cached(*[3, 4]), part(*"8"), operator.call(*[busy, 1, 2]))
print(
    sorted(*[[3, 1, 2]], key=lambda n: -n),
    max(*"ab", key=lambda one: busy(1, 2)),
    functools.reduce(*[busy, [1, 2, 3]]),
)
