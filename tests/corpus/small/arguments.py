"""Every kind of parameter; defaults that are shared; unpacking at the call."""
def f(a, b=2, /, c=3, *args, d, e=5, **kw):
    t = a + b + c + d + e + sum(args) + sum(kw.values())
    print(a, b, c, args, d, e, kw)
    return t


def grow(x, seen=[]):
    seen.append(x)
    return list(seen)


def forward(*args, **kw):
    n = f(*args, **kw)
    return n + 1


print(f(1, d=4), f(1, 2, 3, 4, 5, d=6, z=7))
print(forward(1, d=2) + forward(*range(5), **{"d": 1, "q": 9}))
print(grow(1), grow(2), grow(3))
print((lambda *a, k=1, **kw: (a, k, kw))(1, 2, k=3, m=4))
