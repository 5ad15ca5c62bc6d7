"""numpy arrays, views, random state and Python functions called by numpy."""
import numpy as np

rng = np.random.default_rng(3)
np.random.seed(5)
base = np.arange(12.0).reshape(3, 4)
row = base[1]
column = base[:, ::2]
flipped = base.T[::-1]
total = np.zeros(4)
for i in range(3):
    row += i
    column[0, 0] = 100 + i
    total = total + base[i]
    print(i, total, rng.integers(100), np.random.randint(100))
print(np.shares_memory(row, base), flipped.base is not None, flipped[0, 0])
print(np.apply_along_axis(lambda v: v.max() - v.min(), 1, base))
print(np.percentile(base, [10, 50], axis=1), np.unwrap([0.0, 4.0, 8.0]))
for x, y in np.nditer([base, total]):
    total[0] += x * y
print(total)
print(np.vectorize(lambda a, b: a if a > b else b)([1, 5], [3, 2]))
with np.errstate(divide="ignore"):
    x = np.array([1.0, 0.0])
    print(1 / x)
record = np.zeros(2, dtype=[("a", "i4"), ("b", "f8")])
record["a"] = [1, 2]
scalar = np.float32(1.5)
print(record, scalar * 2, np.array(["x", None], dtype=object), base.sum(axis=0, where=base > 5))
