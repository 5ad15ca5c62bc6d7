"""Works while the capture around it fails; prints the same whatever happens to it."""

import builtins
import itertools
import random

pace = getattr(builtins, "pace", lambda share: False)
del builtins
STEPS = 40


class Thing:
    __slots__ = ("__dict__", "name", "other")

    def __init__(self, name):
        self.name, self.other = name, None

    def __eq__(self, other):
        return self.name == other.name

    def __hash__(self):
        return hash(self.name)


def numbers(seed):
    rng = random.Random(seed)
    while True:
        yield rng.random()


def work(step):
    things = {Thing(k): k for k in range(5)}
    first, second = Thing("a"), Thing("b")
    first.other, second.other = second, first
    block = bytearray(8192)
    pairs = itertools.islice(zip(numbers(step), itertools.cycle("ab")), 6)
    total = 0.0
    try:
        for value, letter in pairs:
            total += value
            block[int(value * 8000)] = ord(letter)
            if value > 0.9:
                raise ValueError(letter)
    except ValueError as error:
        total -= 1
        first.error = str(error)
    finally:
        total += len(things) + sum(block)
    return total


def main():
    with open("out.txt", "w") as out:
        for step in range(STEPS):
            total = work(step)
            print(step, total, random.random())
            print(step, total, file=out)
            while True:
                try:
                    while pace((step + 1) / STEPS):
                        if work(step) != total:
                            print("CHANGED", step)
                    break
                except KeyboardInterrupt:
                    continue  # a Ctrl-C while a version is taken is for the program


random.seed(5)
main()
raise SystemExit(7)
