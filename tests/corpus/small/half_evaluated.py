"""Calls in the middle of expressions, arguments, displays, subscripts and f-strings."""
def f(x):
    y = x + 1
    print("f", x)
    return y


class Static:
    @staticmethod
    def many(a, b, *rest, key=None, **more):
        s = a + b + sum(rest)
        print("many", a, b, rest, key, more)
        return s


r = 1 + f(2) * (3 + f(4)) - f(5) // 2
print(r)
print(Static.many(f(1), 10, f(2), *[f(3), 4], key=f(6), **{"z": f(7)}))
d = {f(8): [f(9), {f(10), 11}], "k": (f(11), f(12))}
print(d)
d["k"] = d["k"][f(0):f(1)] + (f(13),)
print(f"{f(14)} and {f(15):>{f(4)}} and {f(1) < f(2) < f(3)}")
print(f(0) and f(-1) or f(20), f(1) if f(-1) else f(2), not f(3))
a, (b, *c) = f(1), [f(2), f(3), f(4)]
print(a, b, c)
(lambda p, q=f(30): print(p, q))(f(31))
