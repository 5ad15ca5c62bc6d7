"""t-SNE on 10,000 points of 784 dimensions (exact gradients, as the paper's states are)."""

import sys

import numpy as np


def affinities(data: np.ndarray) -> np.ndarray:
    """Gaussian affinities of all pairs."""
    square = (data**2).sum(1)
    distances = square[:, None] + square[None] - 2 * data @ data.T
    weights = np.exp(-distances / distances.mean())
    np.fill_diagonal(weights, 0)
    return weights / weights.sum()


def main(steps: int, scale: float) -> None:
    """Print the divergence of each step."""
    rng = np.random.default_rng(1)
    data = rng.random((int(10_000 * scale), 784))
    pairs = affinities(data)
    place = rng.normal(size=(len(data), 2)) * 1e-4
    speed = np.zeros_like(place)
    for step in range(steps):
        square = (place**2).sum(1)
        near = 1 / (1 + square[:, None] + square[None] - 2 * place @ place.T)
        np.fill_diagonal(near, 0)
        share = near / near.sum()
        pull = (pairs - share) * near
        speed = 0.8 * speed - 200 * 4 * (pull.sum(1)[:, None] * place - pull @ place)
        place = place + speed
        loss = float((pairs * np.log((pairs + 1e-12) / (share + 1e-12))).sum())
        print(step, round(loss, 9), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
