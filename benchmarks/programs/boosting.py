"""Gradient boosting with scikit-learn's trees; one tree a step."""

import sys

import numpy as np
from sklearn.tree import DecisionTreeRegressor


def main(steps: int, scale: float) -> None:
    """Print the error of each step."""
    rng = np.random.default_rng(1)
    data = rng.random((int(200_000 * scale), 20))
    wanted = np.sin(data[:, 0] * 9) + data[:, 1] * data[:, 2] + rng.normal(0, 0.1, len(data))
    found = np.zeros_like(wanted)
    trees = []
    for step in range(steps):
        tree = DecisionTreeRegressor(max_depth=5, max_features=5, random_state=step)
        trees.append(tree.fit(data, wanted - found))
        found += 0.1 * tree.predict(data)
        print(step, repr(float(((wanted - found) ** 2).mean())), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
