"""Planets that attract each other."""
import math


class Body:
    def __init__(self, mass, position, velocity):
        self.mass = mass
        self.p = list(position)
        self.v = list(velocity)


SUN = 4 * math.pi ** 2
bodies = [
    Body(SUN, (0, 0, 0), (0, 0, 0)),
    Body(SUN * 9.5e-4, (4.84, -1.16, -0.10), (0.60, 2.81, -0.02)),
    Body(SUN * 2.9e-4, (8.34, 4.12, -0.40), (-1.01, 1.82, 0.008)),
    Body(SUN * 4.4e-5, (12.89, -15.11, -0.22), (1.08, 0.86, -0.01)),
]


def pairs(items):
    for i, one in enumerate(items):
        for other in items[i + 1:]:
            yield one, other


def energy():
    kinetic = sum(0.5 * b.mass * sum(v * v for v in b.v) for b in bodies)
    return kinetic - sum(a.mass * b.mass / math.dist(a.p, b.p) for a, b in pairs(bodies))


def advance(dt, links):
    for a, b in links:
        d = [x - y for x, y in zip(a.p, b.p)]
        mag = dt / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) ** 1.5
        for k in range(3):
            a.v[k] -= d[k] * b.mass * mag
            b.v[k] += d[k] * a.mass * mag
    for body in bodies:
        for k in range(3):
            body.p[k] += dt * body.v[k]


links = list(pairs(bodies))
for block in range(30):
    for _ in range(6000):
        advance(0.01, links)
    print(f"{block:3d} {energy():.12f} {bodies[1].p[0]:.9f}", flush=True)
