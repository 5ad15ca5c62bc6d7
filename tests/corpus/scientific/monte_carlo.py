"""Random numbers of numpy, legacy and new, and of random, interleaved; bootstrap and MCMC."""
import random

import numpy as np

rng = np.random.default_rng(7)
legacy = np.random.RandomState(5)
np.random.seed(1)
random.seed(2)
pcg = np.random.Generator(np.random.PCG64DXSM(4))
data = rng.normal(3.0, 2.0, 500)


def loglike(mean, scale):
    return -0.5 * np.sum(((data - mean) / scale) ** 2) - data.size * np.log(scale)


def chain(steps):
    state = np.array([0.0, 1.0])
    current = loglike(*state)
    for step in range(steps):
        proposal = state + rng.normal(0, 0.1, 2)
        if proposal[1] > 0:
            new = loglike(*proposal)
            if np.log(np.random.rand()) < new - current:
                state, current = proposal, new
        yield step, state


kept = []
for step, state in chain(100000):
    kept.append(state.copy())
    if step % 5000 == 0:
        sample = legacy.choice(data, data.size)
        tail = np.array(kept[-1000:])
        print(step, np.round(tail.mean(axis=0), 8), round(float(sample.mean()), 8), random.randint(0, 99),
              pcg.integers(1000), rng.permutation(4), flush=True)
