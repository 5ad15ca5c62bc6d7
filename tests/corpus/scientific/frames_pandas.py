"""A pandas pipeline: read_csv in chunks, groupby, merge, rolling, apply with Python, pivot, categories."""
import numpy as np
import pandas as pd

rng = np.random.default_rng(21)
n = 30000
sales = pd.DataFrame({
    "day": pd.date_range("2021-01-01", periods=n, freq="min"),
    "shop": pd.Categorical(rng.choice(["north", "south", "east"], n)),
    "item": rng.integers(0, 40, n),
    "amount": np.round(rng.gamma(2.0, 30.0, n), 2),
})
prices = pd.DataFrame({"item": range(40), "price": np.linspace(1, 9, 40)}).set_index("item")
sales.to_csv("sales.csv", index=False)


def grade(row):
    return "high" if row["amount"] > 80 else f"low{int(row['amount']) % 3}"


totals = []
with pd.read_csv("sales.csv", parse_dates=["day"], chunksize=300) as reader:
    for number, part in enumerate(reader):
        part["grade"] = part.apply(grade, axis=1)
        joined = part.merge(prices, left_on="item", right_index=True)
        joined["cost"] = joined["amount"] * joined["price"]
        by_shop = joined.groupby("shop", observed=True)["cost"].agg(["sum", "mean", lambda s: s.max() - s.min()])
        totals.append(by_shop["sum"])
        window = part.set_index("day")["amount"].rolling("12h").mean()
        part.loc[part["amount"] > 150, "amount"] = 150.0
        part.iloc[::7].to_csv("kept.csv", mode="a", header=number == 0, index=False)
        print(number, by_shop.round(3).to_numpy().ravel().tolist()[:3], round(float(window.iloc[-1]), 6), flush=True)
whole = pd.concat(totals, axis=1).T.reset_index(drop=True)
print(whole.describe().round(3).to_string())
print(sales.pivot_table(index=sales["day"].dt.month, columns="shop", values="amount", aggfunc="sum", observed=True).round(2).head().to_string())
