"""Power iteration, Gram-Schmidt, conjugate gradients, LU by hand, einsum; closures over arrays."""
import numpy as np


def gram_schmidt(a):
    q = np.zeros_like(a)
    for j in range(a.shape[1]):
        v = a[:, j].copy()
        for i in range(j):
            v -= (q[:, i] @ a[:, j]) * q[:, i]
        q[:, j] = v / np.linalg.norm(v)
    return q


def conjugate(apply, b, steps):
    x = np.zeros_like(b)
    r = b - apply(x)
    p = r.copy()
    rs = r @ r
    for _ in range(steps):
        ap = apply(p)
        alpha = rs / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p *= new / rs
        p += r
        rs = new
        yield x, float(np.sqrt(rs))


def lu(a):
    a = a.copy()
    order = np.arange(len(a))
    for k in range(len(a) - 1):
        pivot = k + int(np.abs(a[k:, k]).argmax())
        a[[k, pivot]], order[[k, pivot]] = a[[pivot, k]], order[[pivot, k]]
        a[k + 1:, k] /= a[k, k]
        a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return a, order


rng = np.random.default_rng(0)
for turn in range(70):
    n = 60 + turn
    m = rng.standard_normal((n, n))
    spd = m @ m.T + n * np.eye(n)
    q = gram_schmidt(m)
    b = rng.standard_normal(n)
    for x, miss in conjugate(lambda v: spd @ v, b, 60):
        if miss < 1e-9:
            break
    factored, order = lu(m)
    print(turn, f"{np.abs(q.T @ q - np.eye(n)).max() < 1e-6} {miss < 1e-6} {np.prod(np.sign(np.diag(factored)))} {order[:5]}",
          f"{np.einsum('ij,jk,ki->', m[:5, :5], q[:5, :5], m[:5, :5]):.8f}", flush=True)
