"""The game of life on an unbounded plane, as a set of cells."""
from collections import Counter
from itertools import product


def step(cells):
    around = Counter(
        (x + dx, y + dy) for x, y in cells for dx, dy in product((-1, 0, 1), repeat=2) if dx or dy
    )
    return {cell for cell, n in around.items() if n == 3 or (n == 2 and cell in cells)}


def digest(cells):
    value = 0
    for x, y in sorted(cells):
        value = (value * 1000003 + x * 31 + y) % 2 ** 61
    return value


cells = {(1, 0), (3, 1), (0, 2), (1, 2), (4, 2), (5, 2), (6, 2)}
for generation in range(1100):
    if generation % 25 == 0:
        print(generation, len(cells), digest(cells), flush=True)
    cells = step(cells)
print(len(cells), digest(cells))
