"""Dynamic programming: knapsack, edit distance, longest common part, with memo dictionaries."""
import functools
import random
import sys

sys.setrecursionlimit(5000)
rng = random.Random(20)
items = [(rng.randint(3, 40), rng.randint(10, 99)) for _ in range(90)]


@functools.cache
def best(i, room):
    if i == len(items):
        return 0, ()
    skip = best(i + 1, room)
    weight, value = items[i]
    if weight > room:
        return skip
    taken, chosen = best(i + 1, room - weight)
    return max(skip, (taken + value, (i, *chosen)))


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


for room in range(100, 1900, 100):
    value, chosen = best(0, room)
    print(room, value, len(chosen), best.cache_info().currsize, flush=True)
words = ["".join(rng.choices("abc", k=120)) for _ in range(18)]
for i, a in enumerate(words):
    print(i, [distance(a, b) for b in words[i + 1: i + 5]], flush=True)
