"""Classes whose objects pickle would write, and could never read again; and some it would not write."""
from array import array
from collections import OrderedDict, deque


class Needs(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class NoState:
    def __init__(self):
        self.kept = [1]

    def __setstate__(self, state):
        raise RuntimeError("no state")


class NoNew:
    def __new__(cls, token):
        if token != "right":
            raise ValueError(token)
        return super().__new__(cls)

    def __getnewargs__(self):
        return ("wrong",)


class Refuses:
    def __init__(self):
        self.kept = {"me": self}

    def __reduce_ex__(self, protocol):
        raise TypeError("never")


class Table(dict):
    def __setitem__(self, key, value):
        if self.frozen:
            raise KeyError(key)
        super().__setitem__(key, value)


class Row(OrderedDict):
    def __reduce__(self):
        return int, ("x",)


class Line(deque):
    def append(self, item):
        raise RuntimeError("full")


class Samples(array):
    pass


class Meta(type):
    def __call__(cls, *args):
        if args:
            raise TypeError("closed")
        return super().__call__()


class Closed(metaclass=Meta):
    def __getattr__(self, name):
        raise AttributeError(f"{name} is not told")


error, state, new, refuses = Needs(3, "text"), NoState(), NoNew("right"), Refuses()
table = Table(a=1)
table.frozen = True
row, line, samples, closed = Row(z=1, y=2), Line([1, 2], 3), Samples("d", [1.5, 2.5]), Closed()
samples.unit = "m"
new.twin = [new, error]
for i in range(3):
    state.kept.append(i)
    samples.append(i)
    line.appendleft(i)
    print(error, error.code, error.args, state.kept, new.twin[0] is new, refuses.kept["me"] is refuses)
    print(dict(table), table.frozen, list(row), list(line), line.maxlen, list(samples), samples.unit)
try:
    table["b"] = 2
except KeyError as refused:
    print("refused", refused, type(closed).__name__, new.twin[1] is error)
try:
    raise error
except Needs as again:
    print(again is error, type(again).__mro__[1].__name__)
