"""``sum``, ``min`` and ``max`` over what the program gives piece by piece."""

import functools
from fractions import Fraction


def given(item):
    seen.append(item)
    return item


class Judge:
    def __init__(self):
        self.heard = []

    def score(self, word):
        self.heard.append(word)
        return (len(word), word)


class Tally:
    def __init__(self, text):
        self.text = text

    def __add__(self, other):
        return Tally(f"({self.text}+{other.text})")

    def __radd__(self, other):
        return Tally(f"{other}+{self.text}")


def best(depth, value):
    if depth == 0:
        return value * 7919 % 101
    choose = max if depth % 2 else min
    return choose(best(depth - 1, value * 3 + branch) for branch in range(2))


def choice(depth, value):
    if depth == 0:
        return value * 7907 % 103
    return min(range(2), key=lambda branch: choice(depth - 1, value * 3 + branch)) + value % 5


@functools.cache
def steps(number):
    if number == 1:
        return 0
    return 1 + steps(number // 2 if number % 2 == 0 else 3 * number + 1)


@functools.lru_cache(maxsize=2)
def halves(number):
    seen.append(number)
    return -(number % 4)


def mixed():
    yield 3
    yield 2**62
    yield 2**62
    yield 0.1
    yield True
    yield 0.7


def drifting():
    yield 1.0
    yield 1e100
    yield 7
    yield -1e100
    yield Fraction(1, 3)
    yield 0.1


seen = []
words = "the quick brown fox jumps over".split()
judge = Judge()
print(sum(given(number * number) for number in range(5)))
print(sum(given(number * 0.1) for number in range(5)))
print(sum((given(number / 7) for number in range(4)), 5))
print(sum(given(Fraction(1, number)) for number in range(1, 4)))
print(sum((given((number,)) for number in range(3)), ()))
print(sum(given(2**70 + number) for number in range(3)))
print(sum(Tally(word) for word in words).text)
print(sum(mixed()), sum(drifting()), sum(given(True) for _ in range(3)))
print(sum(map(given, range(4))), sum(map(given, (0.1, 0.2, 0.3, 1e20, -1e20))))
print(max(words, key=judge.score), judge.heard)
print(min(words, key=lambda word: given(word)[::-1]), max("b", "a", "c", key=given))
print(max(given(word) for word in words), min(given(len(word)) for word in words))
print(max((given(word) for word in words), key=len), min(map(given, words)))
print(max((given(word) for word in ()), default="nobody"), max(map(judge.score, words)))
print(best(3, 1), choice(3, 1))
print(sum(sum(given(row * column) for column in range(3)) for row in range(3)))
print(max(range(1, 6), key=steps), steps.cache_info(), min(range(5), key=halves))
print(halves.cache_info(), len(seen), seen)
