"""Inside __init__, __new__, __init_subclass__, a metaclass, a class body and a descriptor."""
class Meta(type):
    def __new__(mcs, name, bases, space, **kw):
        made = super().__new__(mcs, name, bases, space, **kw)
        made.tag = name.lower()
        print("class", name)
        return made

    def __init__(cls, name, bases, space, **kw):
        super().__init__(name, bases, space)


class Base(metaclass=Meta):
    made = 0

    def __new__(cls, *args):
        self = super().__new__(cls)
        cls.made += 1
        print("new", cls.__name__)
        return self

    def __init__(self, size):
        total = 0
        for i in range(size):
            total += i
        self.size = size
        self.total = total
        print("init", total)

    def __init_subclass__(cls, **kw):
        super().__init_subclass__()
        cls.kw = kw
        print("subclass", kw)


class Child(Base, flavour="x"):
    names = []
    for letter in "pq":
        names.append(letter * 2)

    def __init__(self, size):
        print("before super")
        super().__init__(size + 1)
        self.child = True


items = [Child(2), Base(3)]
print([(i.size, i.total, i.tag) for i in items], Child.names, Child.kw, Base.made, Child.made)


class Table(dict):
    def __missing__(self, key):
        raise KeyError(key)


class Ordered(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kw):
        print("prepare", name, sorted(kw))
        return Table(first=name)

    def __new__(mcs, name, bases, space, **kw):
        seen = [key for key in space if not key.startswith("_")]
        made = super().__new__(mcs, name, bases, dict(space))
        made.seen = seen
        return made

    def __init__(cls, name, bases, space, **kw):
        text = name * 2
        cls.text = text


def build(count):
    class Local(Items[int], metaclass=Ordered, extra=count):
        parts = []
        for step in range(count):
            parts.append(step)
            print("body", step)

        def total(self):
            return sum(self.parts) + super().total()

    return Local


class Items:
    @classmethod
    def __class_getitem__(cls, item):
        return Alias(cls)

    def total(self):
        return 100

    def __init_subclass__(cls, **kw):
        for key in sorted(kw):
            print("keyword", key)
        cls.done = True


class Alias:
    def __init__(self, origin):
        self.origin = origin

    def __mro_entries__(self, bases):
        return (self.origin,)


local = build(3)
print(local.seen, local.text, local().total(), local.__orig_bases__[0].origin is Items, local.done)
