"""Python called back by C: sort keys, map, filter, max, min, sum of generator, re.sub, any, iter."""
import re
from functools import cmp_to_key


def key(x):
    k = (x % 3, -x)
    return k


def shorter(a, b):
    d = len(a) - len(b)
    return d


def double(m):
    n = int(m.group()) * 2
    return str(n)


xs = [5, 3, 8, 1, 9, 2]
print(sorted(xs, key=key), max(xs, key=key), min(xs, key=key))
xs.sort(key=key, reverse=True)
print(xs)
for y in map(key, filter(lambda v: v > 2, xs)):
    print(y)
print(sorted(["ccc", "a", "bb"], key=cmp_to_key(shorter)))
print(re.sub(r"\d+", double, "a1b22c333"))
state = iter([3, 2, 0, 7])


def pull():
    v = next(state)
    return v


for v in iter(pull, 0):
    print("pulled", v)
print(any(key(x)[0] == 2 for x in xs), all(key(x)[1] < 0 for x in xs), list(map(pow, [2, 3], [3, 2])))
