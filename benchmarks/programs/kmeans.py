"""k-means as in the paper: 1 M x 20 points, 1000 clusters, one round of Lloyd's a step."""

import sys

import numpy as np


def main(steps: int, scale: float) -> None:
    """Print the inertia of each step."""
    rng = np.random.default_rng(1)
    points = rng.random((int(1_000_000 * scale), 20))
    centers = points[: max(8, int(1000 * scale))].copy()
    labels = np.zeros(len(points), np.int64)
    for step in range(steps):
        inertia = 0.0
        sums, counts = np.zeros_like(centers), np.zeros(len(centers))
        for start in range(0, len(points), 10_000):
            block = points[start : start + 10_000]
            distances = (centers**2).sum(1) - 2 * block @ centers.T
            nearest = distances.argmin(1)
            labels[start : start + len(block)] = nearest
            inertia += float(distances.min(1).sum() + (block**2).sum())
            np.add.at(sums, nearest, block)
            counts += np.bincount(nearest, minlength=len(centers))
        used = counts > 0
        centers[used] = sums[used] / counts[used, None]
        print(step, round(inertia, 6), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
