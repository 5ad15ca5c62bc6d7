"""The heat equation on a grid in numpy; twenty explicit steps a step."""

import sys

import numpy as np


def main(steps: int, scale: float) -> None:
    """Print the mean of each step."""
    side = int(3000 * scale**0.5)
    field = np.random.default_rng(1).random((side, side))
    for step in range(steps):
        for _ in range(20):
            inner = field[1:-1, 1:-1]
            change = field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:]
            field[1:-1, 1:-1] = inner + 0.1 * (change - 4 * inner)
        print(step, repr(float(field.mean())), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
