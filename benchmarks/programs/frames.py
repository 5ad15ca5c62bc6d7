"""A pandas pipeline: group, join, sort and pivot a table that grows a little in each step."""

import sys

import numpy as np
import pandas as pd


def main(steps: int, scale: float) -> None:
    """Print a figure of each step."""
    rng = np.random.default_rng(1)
    count = int(2_000_000 * scale)
    sales = pd.DataFrame({
        "shop": rng.integers(0, 500, count), "item": rng.integers(0, 2000, count),
        "price": rng.random(count),
    })  # fmt: skip
    shops = pd.DataFrame({"shop": range(500), "town": [f"town {i % 40}" for i in range(500)]})
    for step in range(steps):
        joined = sales.sample(frac=0.2, random_state=step).merge(shops, on="shop")
        table = joined.pivot_table(index="town", columns=joined["item"] % 7, values="price")
        best = joined.groupby("item")["price"].mean().sort_values().index[-1]
        sales.loc[sales["item"] == best, "price"] *= 0.9
        print(step, int(best), repr(float(table.to_numpy().sum())), flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
