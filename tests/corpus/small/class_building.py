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
