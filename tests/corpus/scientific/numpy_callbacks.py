"""numpy and scipy calling Python: apply_along_axis, vectorize, minimise, odeint, quad, root finding."""
import numpy as np
from scipy import integrate, optimize

calls = 0


def slow(v):
    global calls
    calls += 1
    t = 0.0
    for x in v:
        t = 0.5 * t + float(x)
    return t


def rosen(x):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def lotka(t, y):
    a, b = y
    return [a * (1.1 - 0.4 * b), b * (0.1 * a - 0.4)]


pick = np.vectorize(lambda a, b: slow([a, b]) if a > b else -a)
data = np.sin(np.arange(20000.0)).reshape(100, 200)
for turn in range(40):
    rows = np.apply_along_axis(slow, 1, data + turn)
    best = optimize.minimize(rosen, [1.3 - turn / 10, 0.7, 0.8, 1.9], method="Nelder-Mead", options={"maxiter": 300})
    way = integrate.solve_ivp(lotka, (0, 12), [10.0, 5.0 + turn], rtol=1e-6)
    area, _ = integrate.quad(lambda x: np.cos(x) * turn, 0, 1)
    root = optimize.brentq(lambda x: x ** 3 - turn - 1, 0, 5)
    print(turn, f"{rows.sum():.8f} {best.fun:.3e} {best.nit} {way.y[0, -1]:.6f} {area:.8f} {root:.8f}",
          f"{pick(data[:20, 0], data[:20, 1]).sum():.6f}", calls, flush=True)
