"""Classes over numpy: a wave field with views, ufuncs with out=, fft, structured records, dtypes."""
import numpy as np


class Field:
    def __init__(self, n):
        self.store = np.zeros((3, n, n), dtype=np.float32)
        self.now, self.before, self.after = self.store
        self.edge = self.store[:, :, :2]
        self.rows = [row for row in self.now[::16]]
        x = np.linspace(-3, 3, n)
        self.now[...] = np.exp(-(x[:, None] ** 2) - x ** 2)
        self.before[:] = self.now

    def step(self):
        n = self.now
        lap = np.roll(n, 1, 0) + np.roll(n, -1, 0) + np.roll(n, 1, 1) + np.roll(n, -1, 1) - 4 * n
        np.multiply(lap, 0.1, out=lap)
        self.after[...] = 2 * n - self.before + lap
        self.now, self.before, self.after = self.after, self.now, self.before
        return lap

    def energy(self):
        return float(np.square(self.now, dtype=np.float64).sum())


field = Field(128)
log = np.zeros(40, dtype=[("step", "i4"), ("energy", "f8"), ("name", "U8")])
mask = np.zeros((128, 128), dtype=bool)
fortran = np.asfortranarray(field.store[0])
strided = field.store.transpose(2, 1, 0)[::2, ::3]
for step in range(12000):
    lap = field.step()
    mask |= lap > 0.005
    if step % 300 == 0:
        spectrum = np.abs(np.fft.rfft(field.now[64]))
        log[step // 300] = step, field.energy(), f"s{step}"
        fortran[0] += strided.sum(axis=(0, 1))[0]
        print(step, f"{field.energy():.8f} {spectrum.argmax()} {mask.sum()} {fortran[0, 0]:.5f}",
              np.shares_memory(field.edge, field.store), field.rows[2].sum() == field.store[0][32].sum(), flush=True)
np.savetxt("log.txt", log, fmt="%d %.10f %s")
