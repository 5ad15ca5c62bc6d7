"""Operators, subscripts, containment, iteration, truth, calls: each runs Python code."""
class Vec:
    def __init__(self, *xs):
        self.xs = list(xs)

    def __add__(self, other):
        r = [a + b for a, b in zip(self.xs, other.xs)]
        return Vec(*r)

    def __radd__(self, other):
        s = other
        return Vec(*[x + s for x in self.xs])

    def __iadd__(self, other):
        for i, x in enumerate(other.xs):
            self.xs[i] += x
        return self

    def __mul__(self, k):
        r = [x * k for x in self.xs]
        return Vec(*r)

    def __getitem__(self, i):
        v = self.xs[i]
        return v

    def __setitem__(self, i, v):
        old = self.xs[i]
        self.xs[i] = v - old

    def __delitem__(self, i):
        print("del", i)
        del self.xs[i]

    def __eq__(self, other):
        same = self.xs == other.xs
        return same

    def __contains__(self, v):
        found = v in self.xs
        return found

    def __len__(self):
        n = len(self.xs)
        return n

    def __bool__(self):
        t = bool(self.xs)
        return t

    def __call__(self, p):
        q = sum(x ** p for x in self.xs)
        return q

    def __getattr__(self, name):
        if name.startswith("x"):
            i = int(name[1:])
            return self.xs[i]
        raise AttributeError(name)

    @property
    def norm(self):
        t = self(2)
        return t

    @norm.setter
    def norm(self, v):
        self.xs = [v]
        print("set", v)

    def __repr__(self):
        text = ", ".join(map(str, self.xs))
        return f"Vec({text})"


a, b = Vec(1, 2), Vec(3, 4)
c = 1 + (a + b) * 2
print(c, c[0] + c[1] * a[0], c.x1, c.norm, len(c), 9 in c)
c += a
c[0] = 100
print(c, c == a, "yes" if c else "no", a(3) + b(2))
a.norm = 5
del b[0]
print(a, b, hasattr(a, "zzz"))
