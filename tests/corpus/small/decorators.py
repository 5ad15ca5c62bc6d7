"""Decorators with and without arguments, functools, classes as decorators, methods of each kind."""
import functools


def logged(prefix):
    def wrap(f):
        @functools.wraps(f)
        def inner(*args, **kwargs):
            print(prefix, f.__name__, args, kwargs)
            result = f(*args, **kwargs)
            return result
        return inner
    return wrap


class Twice:
    def __init__(self, f):
        self.f = f
        functools.update_wrapper(self, f)

    def __call__(self, *args):
        first = self.f(*args)
        return first, self.f(*args)


@logged("a")
@Twice
def add(x, y=1):
    z = x + y
    return z


class Thing:
    @classmethod
    @logged("c")
    def make(cls, n):
        t = cls()
        t.n = n
        return t

    @functools.cached_property
    def big(self):
        value = self.n * 100
        return value

    @functools.singledispatchmethod
    def show(self, x):
        return f"object {x}"

    @show.register
    def _(self, x: int):
        y = x + self.n
        return f"int {y}"


@functools.lru_cache(maxsize=None)
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


t = Thing.make(4)
print(add(1), add(2, 3), t.big, t.big, t.show(2), t.show("s"), fib(8))
part = functools.partial(add, 10)
print(part(), functools.reduce(lambda p, q: p * q, [1, 2, 3, 4]), fib.cache_info())
