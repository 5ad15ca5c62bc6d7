"""Long Python work called by C: sorted(key), map, filter, max, sum, re.sub, functools, heapq, bisect."""
import bisect
import functools
import heapq
import re

calls = 0


def slow(x):
    global calls
    calls += 1
    v = x
    for i in range(250):
        v = (v * 75 + 74) % 65537
    return v


class Item:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return slow(self.n) < slow(other.n)

    def __hash__(self):
        return slow(self.n) % 5

    def __eq__(self, other):
        return slow(self.n) == slow(other.n)


@functools.lru_cache(maxsize=500)
def cached(n):
    return slow(n) + (cached(n - 1) if n % 9 else 0)


for turn in range(90):
    base = turn * 100
    print(turn, sorted(range(base, base + 120), key=slow)[:3], flush=True)
    print(max(range(base, base + 80), key=slow), sum(map(slow, range(base, base + 80))))
    print(len(list(filter(lambda v: slow(v) & 1, range(base, base + 80)))), cached(base + 40))
    print(re.sub(r"\d+", lambda m: str(slow(int(m.group())) % 10), "a1 b22 c333 " * 5)[:20])
    items = [Item(base + i) for i in range(14)]
    heapq.heapify(items)
    print(items[0].n, heapq.nsmallest(2, items)[1].n, len({i: i.n for i in items}), Item(base) in items)
    print(functools.reduce(lambda a, b: slow(a + b), range(60)), bisect.bisect([1, 20000, 60000], 30000, key=slow))
    print(min(min(slow(i * j) for j in range(5)) for i in range(12)), calls)
