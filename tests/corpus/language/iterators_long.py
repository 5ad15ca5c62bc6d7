"""For over every kind of iterator, each in mid-way for long."""
import itertools
from collections import ChainMap, deque


def work(x):
    v = x
    for i in range(700):
        v = (v * 171 + i) % 30269
    return v


class Tree:
    def __init__(self, values):
        self.values = values

    def __iter__(self):
        for v in self.values:
            yield v
            if v and v % 50 == 0:
                yield from Tree([v // 2])


class Old:
    def __getitem__(self, i):
        if i >= 300:
            raise IndexError
        return i * 3


n = 900
table = {i: str(i) for i in range(n)}
sources = {
    "list": [i * 2 for i in range(n)],
    "tuple": tuple(range(n)),
    "range": range(5, 5 * n, 5),
    "dict": table,
    "values": table.values(),
    "items": table.items(),
    "set": set(range(n)),
    "string": "hello world " * 60,
    "bytes": bytes(range(250)) * 3,
    "deque": deque(range(n), maxlen=500),
    "reversed": reversed(range(n)),
    "enumerate": enumerate(range(n), 7),
    "zip": zip(range(n), reversed(range(n)), "ab" * n),
    "map": map(work, range(n)),
    "filter": filter(lambda v: work(v) % 2, range(n)),
    "chain": itertools.chain(range(400), (work(v) for v in range(400))),
    "islice": itertools.islice(itertools.count(4, 3), 3, 2000, 2),
    "accumulate": itertools.accumulate(range(n), lambda a, b: work(a + b)),
    "product": itertools.product(range(30), repeat=2),
    "combinations": itertools.combinations(range(45), 2),
    "permutations": itertools.permutations(range(6), 4),
    "zip_longest": itertools.zip_longest(range(300), range(500), fillvalue=0),
    "groupby": itertools.groupby(range(n), key=lambda v: v // 7),
    "batched": iter(lambda it=iter(range(n)): tuple(itertools.islice(it, 3)), ()),
    "tree": Tree(range(n)),
    "old": Old(),
    "chainmap": ChainMap({"a": 1}, {"b": 2}),
    "repeat": itertools.repeat("r", 300),
    "cycle": itertools.islice(itertools.cycle([1, 2, 3]), 700),
    "dropwhile": itertools.dropwhile(lambda v: v < 100, range(600)),
    "compress": itertools.compress(range(n), itertools.cycle([1, 0, 0])),
    "matrix": iter([[i, j] for i in range(20) for j in range(20)]),
}
for name, items in sources.items():
    total = steps = 0
    for item in items:
        if isinstance(item, (tuple, list)):
            item = sum(len(str(part)) for part in item if not hasattr(part, "__next__"))
        elif isinstance(item, str):
            item = ord(item[0])
        total = (total * 7 + work(int(item))) % 1000003
        steps += 1
    print(f"{name:14}{steps:6}{total:9}", flush=True)
