"""Generators that stand still for long: inside try, with, nested for and yield from, in containers."""
from contextlib import contextmanager
from itertools import count, islice


@contextmanager
def room(name):
    print("in", name)
    try:
        yield name
    finally:
        print("out", name)


def walker(rows):
    try:
        for row in rows:
            with room(row[0]):
                for cell in reversed(row):
                    try:
                        got = yield cell
                        if got == "skip":
                            raise KeyError(cell)
                    except KeyError as error:
                        yield f"skipped {error}"
                    finally:
                        print("cell", cell)
    finally:
        print("walker ends")


def chained(parts):
    for part in parts:
        size = yield from part
        print("part gave", size)


def sized(n):
    for i in islice(count(n), n):
        yield i
    return n


held = {"walker": walker([["a", "b"], ["c"]]), "chain": [chained([sized(2), sized(1)])], "fresh": sized(3)}
print(next(held["walker"]), next(held["chain"][0]))
lines = iter("xyz")
for letter in lines:
    print(letter, next(lines, "none"), held["walker"].send("skip" if letter == "x" else None))
print(list(held["chain"][0]), list(held.pop("fresh")))
try:
    held["walker"].throw(ZeroDivisionError("thrown"))
except ZeroDivisionError as error:
    print("came out", error, error.__context__)
print(next(held["walker"], "over"), sorted(held))
