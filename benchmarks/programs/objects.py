"""Pure Python with 10^7 small objects: a population of which a thousandth moves in a step."""

import random
import sys


class Walker:
    """One of many."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.place = [name % 97, name % 89]


def main(steps: int, scale: float) -> None:
    """Print a sum of each step."""
    rng = random.Random(1)
    count = int(3_300_000 * scale)  # an instance, its list and its numbers
    walkers = [Walker(name) for name in range(count)]
    visits = dict.fromkeys(range(count // 10), 0)
    for step in range(steps):
        total = 0
        for _ in range(max(1, count // 1000) * 5):
            walker = walkers[rng.randrange(count)]
            walker.place[rng.randrange(2)] += 1
            visits[walker.name % len(visits)] += 1
            total += sum(walker.place)
        print(step, total, flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
