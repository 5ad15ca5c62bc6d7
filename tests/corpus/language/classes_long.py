"""Long work in __init__, __new__, class bodies, properties, descriptors, operators, metaclasses."""
import operator


def work(n, v=1):
    for i in range(n):
        v = (v * 16807 + i) % 2147483647
    return v


class Slow:
    """A descriptor."""

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner):
        return self if instance is None else work(300, getattr(instance, self.name))

    def __set__(self, instance, value):
        setattr(instance, self.name, work(200, value))


class Meta(type):
    def __call__(cls, *args):
        work(100)
        return super().__call__(*args)


class Number(metaclass=Meta):
    field = Slow()

    def __new__(cls, n):
        self = super().__new__(cls)
        self.born = work(200, n)
        return self

    def __init__(self, n):
        self.n = work(300, n) % 9999
        self.field = n

    @property
    def big(self):
        return work(400, self.n) + self.field

    def __add__(self, other):
        return Number(work(200, self.n) + other.n)

    def __getitem__(self, key):
        return work(150, self.n + key)

    def __contains__(self, v):
        return work(100, v) % 2 == 0

    def __len__(self):
        return work(50, self.n) % 100

    def __iter__(self):
        for i in range(3):
            yield work(60, self.n + i)

    def __getattr__(self, name):
        if name.startswith("get_"):
            return work(120, len(name))
        raise AttributeError(name)


class Special(Number):
    def __init__(self, n):
        super().__init__(n + work(100, n) % 10)
        self.special = super().__len__()


for turn in range(1400):
    class Local:
        table = [work(200, turn + k) % 7 for k in range(3)]
        name = f"local{turn}"

    one, two = Number(turn), Special(turn + 1)
    three = one + two + Number(3)
    value = three.big - two[4] * len(three) + sum(three) + one.get_it + operator.getitem(two, 9)
    if turn % 100 == 0:
        print(turn, value, 5 in one, 6 not in two, Local.table, Local().name, two.special, flush=True)
