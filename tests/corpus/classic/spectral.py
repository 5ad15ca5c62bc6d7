"""Largest singular value of an infinite matrix, by the power method."""
from math import sqrt


def a(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(v):
    return [sum(a(i, j) * x for j, x in enumerate(v)) for i in range(len(v))]


def times_t(v):
    return [sum(a(j, i) * x for j, x in enumerate(v)) for i in range(len(v))]


n = 320
u = [1.0] * n
for step in range(10):
    v = times_t(times(u))
    u = times_t(times(v))
    vbv = sum(x * y for x, y in zip(u, v))
    vv = sum(y * y for y in v)
    print(step, f"{sqrt(vbv / vv):.12f}", flush=True)
