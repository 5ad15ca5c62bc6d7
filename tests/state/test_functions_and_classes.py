# ruff: noqa: E501  (programs inside strings)
"""Functions, classes and instances keep their behaviour, their identity and their sharing."""

import pytest


def test_instances_keep_sharing_and_cycles(round_trip):
    round_trip(
        """
        class Node:
            def __init__(self, name):
                self.name, self.links = name, []
        a, b = Node("a"), Node("b")
        a.links += [b, a]; b.links.append(a)
        shared = a.links
        spare = a.__dict__
        """,
        """
        assert type(a) is Node and a.links[0] is b and a.links[1] is a and b.links[0] is a
        assert shared is a.links and spare is a.__dict__
        a.name = "z"; assert spare["name"] == "z"
        a.links.append(Node("c")); assert a.links[2].name == "c"
        """,
    )


def test_a_dict_that_others_hold_stays_the_dict_of_its_object(round_trip):
    round_trip(
        """
        from types import SimpleNamespace
        class Attributes(dict):
            def __init__(self, **items): super().__init__(items); self.__dict__ = self
        class Slotted: __slots__ = "a", "__dict__"
        class Text(str): pass
        class Failure(Exception): pass
        def function(): pass
        both = Attributes(x=1)
        slotted = Slotted(); slotted.a = 1
        held = [SimpleNamespace(x=1), slotted, Text("t"), Failure("f"), function]
        for each in held: each.x = 1
        spare = [vars(each) for each in held]
        """,
        """
        both.y = 2; both["z"] = 3
        assert both == {"x": 1, "y": 2, "z": 3} and both.z == 3 and both.__dict__ is both
        for each, known in zip(held, spare):
            assert vars(each) is known, each
            each.x += 1; assert known["x"] == 2; known["y"] = 3; assert each.y == 3
        assert slotted.a == 1 and held[3].args == ("f",) and held[4] is function
        """,
    )


def test_a_chain_of_100000_instances_needs_no_deep_recursion(round_trip):
    round_trip(
        """
        class Cell:
            __slots__ = ("value", "next")
            def __init__(self, value, next): self.value, self.next = value, next
        head = None
        for i in range(100_000): head = Cell(i, head)
        """,
        """
        n, at = 0, head
        while at is not None: n, at = n + 1, at.next
        assert n == 100_000 and head.value == 99_999
        """,
    )


def test_deeply_nested_tuples_and_lists_travel(round_trip):
    round_trip(
        """
        chain = None
        for i in range(30_000): chain = (i, chain)
        nest = []
        for i in range(30_000): nest = [nest]
        """,
        """
        n = 0
        while chain is not None: n, chain = n + 1, chain[1]
        assert n == 30_000
        n = 0
        while nest: n, nest = n + 1, nest[0]
        assert n == 30_000
        """,
    )


def test_no_method_of_the_program_runs(round_trip):
    round_trip(
        """
        armed = False
        class Angry:
            def __init__(self): object.__setattr__(self, "value", 7)
            def _no(self, *a, **k):
                if armed: raise SystemError("ran")
                return NotImplemented
            def __getattribute__(self, name):
                if armed: raise SystemError("ran")
                return object.__getattribute__(self, name)
            __setattr__ = __getstate__ = __setstate__ = __reduce_ex__ = _no
            __reduce__ = __copy__ = __eq__ = _no
            def __hash__(self): return 1
            def __del__(self):
                if armed: raise SystemError("ran")
        angry = Angry()
        keyed = {angry: 1}
        armed = True
        def check_live():
            global armed
            armed = False
        """,
        """
        armed = False
        assert angry.value == 7 and keyed[angry] == 1 and hash(angry) == 1
        """,
    )


def test_keys_with_a_hash_of_their_own_are_found_again(round_trip):
    round_trip(
        """
        from dataclasses import dataclass
        import weakref
        SALT = "salt"
        class Key:
            def __init__(self, name): self.name, self.edges = name, {}
            def __hash__(self): return hash((SALT, self.name))
            def __eq__(self, other): return type(other) is Key and self.name == other.name
        a, b = Key("a"), Key("b")
        a.edges[b] = 1; b.edges[a] = 2
        pairs = {(a, b): "ab", ("x", (b, a)): "ba"}
        members = {a, b}
        frozen = frozenset((a, b)); nested = {frozen: 3}
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int
        points = {Point(1, 2): "p"}
        weak = weakref.WeakKeyDictionary(); weak[a] = 5
        """,
        """
        assert a.edges[Key("b")] == 1 and b.edges[Key("a")] == 2
        assert pairs[Key("a"), Key("b")] == "ab" and pairs["x", (b, a)] == "ba"
        assert Key("a") in members and frozen == {Key("b"), Key("a")} and nested[frozenset((a, b))] == 3
        assert points[Point(1, 2)] == "p"
        assert weak[Key("a")] == 5
        """,
    )


def test_functions_keep_closures_defaults_and_globals(round_trip):
    round_trip(
        """
        import functools
        counter = 0
        def outer(start):
            total = start
            def add(n, *, scale=[2]):
                "doc"
                nonlocal total
                total += n * scale[0]
                return total
            def get(): return total
            return add, get
        add, get = outer(10)
        add.note = add
        add(1)
        def bump():
            global counter
            counter += 1
            return counter
        bump()
        fact = lambda n: 1 if n < 2 else n * fact(n - 1)
        @functools.wraps(bump)
        def wrapped(): return bump()
        def recursive():
            def inner(n): return 0 if n == 0 else 1 + inner(n - 1)
            return inner
        inner = recursive()
        part = functools.partial(add, 5)
        bound = [].append
        method = "abc".upper
        length = [1, 2].__len__
        import math
        root = math.sqrt
        """,
        """
        assert get() == 12 and add(4) == 20 and get() == 20
        assert add.note is add and add.__doc__ == "doc" and add.__kwdefaults__ == {"scale": [2]}
        assert bump() == 2 and counter == 2 and wrapped() == 3 and wrapped.__wrapped__ is bump
        assert fact(5) == 120 and inner(7) == 7 and part() == 30 and part.func is add
        bound(1); assert bound.__self__ == [1] and method() == "ABC" and length() == 2
        import math; assert root is math.sqrt
        assert add.__globals__ is globals()
        """,
    )


def test_classes_keep_bases_metaclasses_slots_and_super(round_trip):
    round_trip(
        """
        import abc, enum, collections, typing
        log = []
        class Meta(type):
            def __new__(m, name, bases, ns, **kw):
                log.append(("new", name)); return super().__new__(m, name, bases, ns)
            def __call__(cls, *a): return super().__call__(*a)
        class Base(metaclass=Meta):
            registry = []
            def __init_subclass__(cls, **kw): cls.registry.append(cls)
            def who(self): return "base"
        class Field:
            def __set_name__(self, owner, name): log.append(("set_name", name)); self.name = name
            def __get__(self, obj, cls): return self.name
        class Child(Base):
            __slots__ = ("x", "__private")
            field = Field()
            def __init__(self, x): self.x = x; self.__private = x + 1
            def who(self): return "child of " + super().who()
            @property
            def twice(self): return self.x * 2
            @staticmethod
            def s(): return "s"
            @classmethod
            def c(cls): return cls
            def secret(self): return self.__private
        child = Child(4)
        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...
        class Square(Shape):
            def area(self): return 4
        Shape.register(dict)
        class Colour(enum.Enum):
            RED = 1
            GREEN = "g"
            def hello(self): return self.name.lower()
        class Level(enum.IntFlag):
            A = 1
            B = 2
        red, both = Colour.RED, Level.A | Level.B
        Point = collections.namedtuple("Point", "x y")
        point = Point(1, 2)
        class Named(typing.NamedTuple):
            a: int = 3
        named = Named()
        T = typing.TypeVar("T")
        class Stack(typing.Generic[T]):
            def __init__(self): self.items: list[T] = []
        IntStack = Stack[int]
        class Proto(typing.Protocol):
            def area(self): ...
        made = type("Made", (Child,), {"extra": 1})
        class Words(list):
            def __init__(self, *a): super().__init__(*a); self.tag = "w"
        words = Words("ab"); words.append(words)
        class Both(dict):
            __slots__ = ("more",)
        both_ = Both(a=1); both_.more = both_
        class Text(str): pass
        text = Text("t"); text.mark = 1
        snapshot = list(log)
        """,
        """
        assert log == snapshot, log
        assert Base.registry == [Child, made] and type(Child) is Meta
        assert child.who() == "child of base" and child.twice == 8 and child.secret() == 5
        assert Child.s() == "s" and Child.c() is Child and child.field == "field"
        assert Child.__subclasses__() == [made] and made.extra == 1
        assert Square().area() == 4 and issubclass(dict, Shape)
        try: Shape()
        except TypeError as e: assert "area" in str(e)
        else: raise AssertionError
        assert red is Colour.RED is Colour(1) and red.hello() == "red" and Colour["GREEN"].value == "g"
        assert both == 3 and both is Level.A | Level.B and Level.A in both and repr(both), repr(both)
        assert point == (1, 2) and point._replace(x=5).x == 5 and type(point) is Point and point.y == 2
        assert named.a == 3 and Named._field_defaults == {"a": 3}
        assert IntStack.__origin__ is Stack and isinstance(IntStack(), Stack) and Stack.__parameters__ == (T,)
        assert isinstance(Square(), Shape)
        assert words[2] is words and words.tag == "w" and type(words) is Words
        assert both_.more is both_ and both_["a"] == 1 and text.mark == 1 and text == "t"
        class Late(Base): pass
        assert Base.registry[-1] is Late
        assert Child.__slots__ == ("x", "__private") and not hasattr(Child(1), "nope")
        """,
    )


@pytest.mark.parametrize("first", ["module", "namespace", "function"])
def test_a_module_its_namespace_and_its_functions_belong_together(round_trip, first):
    round_trip(
        f"""
        import sys
        def f(): return level
        level = [1]
        ways = {{"module": sys.modules["__main__"], "namespace": globals(), "function": f}}
        f.owner = ways["module"]
        loop = [ways[{first!r}], *ways.values()]
        loop.append(loop); f.loop = loop
        """,
        """
        import sys
        here = sys.modules["__main__"]
        assert loop[1] is here and loop[2] is vars(here) is globals() and loop[3] is here.f is f
        assert any(loop[0] is one for one in loop[1:4]) and loop[4] is loop is f.loop
        assert f.owner is here and f.__globals__ is globals() and f() is level
        level.append(2); assert here.f() == [1, 2]
        """,
    )


def test_a_class_stays_registered_with_an_abstract_class_of_a_library(round_trip):
    round_trip(
        """
        import collections.abc, numbers
        from dartslurm.state.outside import surroundings
        class Mine: pass
        numbers.Number.register(Mine); collections.abc.Sequence.register(Mine)
        outside = surroundings.collect()[0]
        """,
        """
        from dartslurm.state.outside import surroundings
        surroundings.restore_after({"registrations": outside["registrations"]})
        assert isinstance(Mine(), numbers.Number) and issubclass(Mine, collections.abc.Sequence)
        """,
    )


def test_a_module_of_pointers_for_c_code_is_left_to_the_c_code(round_trip):
    round_trip(
        """
        import datetime, sys, types
        module = types.ModuleType("pointers_of_swig")
        module.table = datetime.datetime_CAPI
        sys.modules["pointers_of_swig"] = module
        del module
        """,
        """
        import sys
        found = sys.modules.get("pointers_of_swig")
        assert found is None or "table" not in vars(found), vars(found)
        assert not ledger, ledger
        """,
    )


def test_a_descriptor_that_looks_itself_up_on_its_class_travels_with_it(round_trip):
    round_trip(
        """
        class Field:
            def __set_name__(self, owner, name): self.owner, self.name = owner, name
            def __get__(self, obj, owner): return self if obj is None else obj.values[self.name]
            def __reduce__(self): return getattr, (self.owner, self.name)
        class Model:
            size = Field()
            def __init__(self, **values): self.values = values
        one, field = Model(size=3), Model.size
        """,
        """
        assert not ledger, ledger
        assert one.size == 3 and Model.size is field and field.owner is Model
        """,
    )


def test_a_finalizer_that_only_its_registry_holds_waits_for_its_object(round_trip):
    round_trip(
        """
        import functools, weakref
        class Node: pass
        seen = []
        def gone(*names): seen.append(names)
        first, second, held = Node(), Node(), Node()
        weakref.finalize(second, functools.partial(gone, "second"), "of two")
        weakref.finalize(first, seen.append, "first")
        kept = weakref.finalize(held, gone, "held"); kept.atexit = False
        over = weakref.finalize(Node(), gone, "over")
        hidden = Node(); weakref.finalize(held, hidden.__setattr__, "gone", True)
        weakref.finalize(hidden, gone, "hidden"); del hidden
        weakref.finalize(weakref.WeakKeyDictionary, len, "a library's own")
        """,
        """
        import weakref
        assert seen == [("over",)] and not over.alive and kept.alive and not kept.atexit
        del first; assert seen[1:] == ["first"]
        del second; assert seen[2:] == [("second", "of two")]
        del held; assert seen[3:] == [("held",), ("hidden",)] or seen[3:] == [("hidden",), ("held",)], seen
        weakref.finalize(newer := Node(), gone, "new"); del newer
        assert seen[-1] == ("new",) and not any(f.alive for f in (kept, over))
        """,
    )
