"""Stops while C functions collect items: list, tuple, set, dict, sorted, join, deque, reduce, map."""
import functools
from collections import Counter, deque


def spell(n, tag):
    for i in range(n):
        word = f"{tag}{i * 7 % 5}"
        print("give", word)
        yield word


def pairs(n):
    for i in range(n):
        key = i % 3
        yield key, [i]


def double(word):
    made = word * 2
    print("map", made)
    return made


def add(left, right):
    total = left + right
    print("add", total)
    return total


def nested(n):
    for i in range(n):
        inner = list(spell(2, "n"))
        yield tuple(inner)


class Upper(list):
    pass


shared = [list(spell(3, "a")), tuple(spell(3, "b"))]
print(shared, sorted(set(spell(4, "c"))), dict(pairs(5)))
print(sorted(spell(4, "d"), key=len, reverse=True), "-".join(spell(3, "e")))
print(deque(spell(3, "f")), Counter(spell(4, "g")))
print(list(map(double, ["x", "y", "z"])), tuple(map(double, "pq")), "+".join(map(double, "rs")))
print(sorted(map(double, "ts")), any(map(double, ["", "u", "v"])), all(map(double, "wx")))
print(functools.reduce(add, [1, 2, 3, 4]), functools.reduce(add, range(3), 10))
print(functools.reduce(add, map(len, ["a", "bb", "ccc"]), 0))
print(list(nested(3)), dict(map(lambda n: (n, n + 1), range(3))))
grown = [0]
grown.extend(map(double, "hi"))
grown.extend(spell(2, "k"))
kept = {"a"}
kept.update(spell(3, "l"))
kept.update(map(double, "m"))
print(grown, sorted(kept), Upper(spell(2, "o")), frozenset(spell(2, "q")) == {"q0", "q2"})
