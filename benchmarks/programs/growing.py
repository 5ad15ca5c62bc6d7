"""State of a chosen size of which a hundredth changes in each step, until it is ended.

growing.py arrays MIB
growing.py objects COUNT
"""

import random
import sys
import time

import numpy as np

STEP_SECONDS = 0.05


class Walker:
    """One of many: an instance, its list and its numbers."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.place = [name % 97, name % 89]


def change_arrays(mib: int) -> None:
    """Change rows of 1 MiB, one array of 16 MiB after the other."""
    rng = np.random.default_rng(1)
    arrays = [rng.random((16, 1 << 17)) for _ in range(max(1, mib // 16))]
    while True:
        for number in rng.integers(0, 16 * len(arrays), max(1, 16 * len(arrays) // 100)):
            arrays[number // 16][number % 16] += 1.0
        time.sleep(STEP_SECONDS)


def change_objects(count: int) -> None:
    """Move walkers that stand beside each other: what a program does that goes through a list."""
    rng = random.Random(1)
    walkers = [Walker(name) for name in range(count)]
    while True:
        first = rng.randrange(count)
        for walker in walkers[first : first + max(1, count // 100)]:
            walker.place[rng.randrange(2)] += 1
        time.sleep(STEP_SECONDS)


{"arrays": change_arrays, "objects": change_objects}[sys.argv[1]](int(sys.argv[2]))
