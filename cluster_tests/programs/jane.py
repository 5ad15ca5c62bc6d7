"""A regression that computes for long and fails on its last line when it may not write there."""

import random
import sys
import time


def fit(rounds):
    rng = random.Random(7)
    slope, offset = 0.0, 0.0
    for number in range(rounds):
        x = rng.random()
        error = (slope * x + offset) - (3.0 * x - 1.0)
        slope -= 0.1 * error * x
        offset -= 0.1 * error
        if number % (rounds // 10) == 0:
            print(f"fitting {number}", flush=True)
            time.sleep(0.5)
    return slope, offset


def main(path):
    slope, offset = fit(200_000)
    text = f"coefficients {slope:.9f} {offset:.9f}\n"
    open(path, "w").write(text)  # noqa: SIM115  (as people write it)


if __name__ == "__main__":
    main(sys.argv[1])
