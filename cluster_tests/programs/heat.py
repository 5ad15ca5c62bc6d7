"""Heat in a plate, explicit finite differences; a line a report into a CSV file.

python heat.py STEPS FILE [SECONDS_A_REPORT]
"""

import csv
import sys
import time

import numpy as np


def step(field, rate):
    inner = field[1:-1, 1:-1]
    around = field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:]
    field[1:-1, 1:-1] = inner + rate * (around - 4.0 * inner)
    return field


def solve(steps, writer, table, pause):
    rng = np.random.default_rng(11)
    field = rng.random((160, 160))
    for number in range(steps):
        field = step(field, 0.2)
        if rng.random() < 0.01:
            x, y = rng.integers(1, 159, 2)
            field[x, y] += 1.0
        if number % (steps // 200) == 0:
            writer.writerow([number, repr(float(field.sum())), repr(float(field.max()))])
            table.flush()
            time.sleep(pause)
    return field


def main(steps, path, pause):
    with open(path, "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["step", "heat", "peak"])
        field = solve(steps, writer, table, pause)
    print("sum", repr(float(field.sum())))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
