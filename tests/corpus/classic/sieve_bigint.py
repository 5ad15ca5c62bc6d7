"""Primes by a lazy sieve, digits of pi by a spigot, Collatz, big powers."""
from itertools import count, islice


def primes():
    composite = {}
    for n in count(2):
        steps = composite.pop(n, None)
        if steps is None:
            composite[n * n] = [n]
            yield n
        else:
            for p in steps:
                composite.setdefault(n + p, []).append(p)


def digits():
    q, r, t, k, m, x = 1, 0, 1, 1, 3, 3
    while True:
        if 4 * q + r - t < m * t:
            yield m
            q, r, m = 10 * q, 10 * (r - m * t), (10 * (3 * q + r)) // t - 10 * m
        else:
            q, r, t, k, m, x = q * k, (2 * q + r) * x, t * x, k + 1, (q * (7 * k + 2) + r * x) // (t * x), x + 2


pi = digits()
found = primes()
for line in range(240):
    some = list(islice(found, 120))
    text = "".join(map(str, islice(pi, 15)))
    print(line, some[-1], text, pow(some[-1], 10 ** 30, 2 ** 127 - 1), flush=True)
print(len(str(3 ** 5000)))
