"""A pipeline of generators: suspended, delegating, infinite, sent to, closed early, in expressions."""
import itertools


def source(seed):
    while True:
        seed = (seed * 1103515245 + 12345) % 2 ** 31
        yield seed


def spin(items):
    for item in items:
        for _ in range(4):
            item ^= item >> 3
            item = item * 5 % 2 ** 31
        yield item


def chunks(items, size):
    while True:
        block = list(itertools.islice(items, size))
        if not block:
            return
        yield block


def average():
    total, n = 0, 0
    mean = None
    while True:
        value = yield mean
        total += value
        n += 1
        mean = total / n


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


def limited(items, n):
    taken = 0
    try:
        for item in items:
            if taken == n:
                return taken
            taken += 1
            yield item
    finally:
        print("limited closes", taken)


mean = average()
next(mean)
unused = source(1)
flow = spin(source(42))
for number, block in enumerate(chunks(limited(flow, 600000), 3000)):
    value = mean.send(sum(x % 1000 for x in block))
    depth = sum(d * next(flow) % 7 for d in tree(6))
    print(number, f"{value:.4f}", depth, max(spin(block)) % 1000, flush=True)
print(next(unused), sum(tree(15)))
