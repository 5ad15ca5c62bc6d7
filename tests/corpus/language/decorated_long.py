"""Decorators of all kinds around long functions; *args and **kwargs passed on; partials; closures."""
import functools
import itertools

trace = []


def counted(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        inner.calls += 1
        try:
            return f(*args, **kwargs)
        finally:
            trace.append(f.__name__)
            del trace[:-5]
    inner.calls = 0
    return inner


def retry(times, *, on):
    def wrap(f):
        def inner(*args, **kwargs):
            for attempt in itertools.count(1):
                try:
                    return f(*args, attempt=attempt, **kwargs)
                except on:
                    if attempt == times:
                        return -1
        return inner
    return wrap


class Memo:
    def __init__(self, f):
        self.f, self.known = f, {}

    def __call__(self, *args):
        if args not in self.known:
            self.known[args] = self.f(*args)
        return self.known[args]


@counted
@retry(3, on=ValueError)
def flaky(x, *rest, attempt, **more):
    v = x
    for i in range(900):
        v = (v * 33 + i + len(rest)) % 65521
    if v % 3 == 0 and attempt < 3:
        raise ValueError(v)
    return v + attempt + sum(more.values())


@Memo
def stairs(n):
    return 1 if n < 2 else stairs(n - 1) + stairs(n - 2)


def make_counter():
    total = 0

    def add(n):
        nonlocal total
        for _ in range(n):
            total += 1
        return total

    return add


add = make_counter()
bound = functools.partial(flaky, 7, k=1)
for turn in range(2200):
    value = flaky(turn, *range(turn % 4), z=turn) + bound(turn, y=2) + add(1500)
    if turn % 100 == 0:
        print(turn, value, stairs(turn) % 10**9, flaky.calls, trace, flush=True)
