"""A heat equation solver that appends to a CSV file and opens it anew each time."""
import csv

import numpy as np

nx = 220
u = np.zeros((nx, nx))
u[nx // 3: nx // 2, nx // 4: nx // 3] = 100.0
interior = u[1:-1, 1:-1]
flux = np.empty_like(interior)
with open("heat.csv", "w", newline="") as table:
    csv.writer(table).writerow(["step", "mean", "max", "centre"])
for step in range(9000):
    np.add(u[2:, 1:-1], u[:-2, 1:-1], out=flux)
    flux += u[1:-1, 2:]
    flux += u[1:-1, :-2]
    flux -= 4 * interior
    interior += 0.2 * flux
    u[0] = u[1]
    if step % 50 == 0:
        with open("heat.csv", "a", newline="") as table:
            csv.writer(table).writerow([step, f"{u.mean():.10f}", f"{u.max():.10f}", repr(float(u[nx // 2, nx // 2]))])
    if step % 500 == 0:
        print(step, f"{interior.sum():.9f}", np.shares_memory(interior, u), flush=True)
np.save("final.npy", u)
