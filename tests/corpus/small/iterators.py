"""Iterators in mid-way: range, list, dict, set, str, reversed, zip, enumerate, itertools, own classes."""
import itertools


class Down:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


r = iter(range(0, 20, 3))
next(r)
counter = itertools.count(5, 2)
cycle = itertools.cycle("ab")
chain = itertools.chain([1], (2, 3), Down(2))
islice = itertools.islice(itertools.count(), 2, 9, 3)
rev = reversed([1, 2, 3])
both = zip("xyz", enumerate(itertools.accumulate([1, 2, 3])))
group = itertools.groupby("aabbb")
for n in range(3):
    print(next(r), next(counter), next(cycle), next(chain), next(islice), next(rev), next(both))
for letter, items in group:
    print(letter, len(list(items)))
for a, b in itertools.product(Down(2), "pq"):
    print(a, b)
for item in itertools.takewhile(lambda v: v < 14, counter):
    print(item)
d = {"a": 1, "b": 2}
for k in d:
    d[k] += 1
    print(k, d[k])
print(list(itertools.permutations([1, 2, 3], 2))[:3], list(r), list(chain), list(itertools.pairwise("abc")))
a, b = itertools.tee(Down(4))
print(next(a), list(b), list(a), list(itertools.starmap(max, [(1, 2), (4, 3)])))
