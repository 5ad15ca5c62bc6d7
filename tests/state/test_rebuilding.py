"""What fails when it is rebuilt costs itself only."""

import pytest

AWAY = """
import array, sys
def fail(*_):
    if sys.argv[1] == "load": raise OSError("the server is away")
def build(number):
    fail()
    return Thing("d", [1.0])
class Thing(array.array):     # a C base whose layout is not ours: its own reduction is asked
    def __reduce_ex__(self, protocol): {body}
    append = extend = __setitem__ = __setstate__ = fail
class Half:
    def __reduce__(self): return Half, (), {{"x": 1}}
    def __setstate__(self, state): fail()
"""
BAD_REBUILDING = {
    "a constructor": "return build, (3,)",
    "a state": "return Thing, ('d', [1.0]), {'x': 1}",
    "a setter": "return Thing, ('d', [1.0]), {'x': 1}, None, None, fail",
    "items": "return Thing, ('d', [1.0]), None, iter([1, 2])",
    "pairs": "return Thing, ('d', [1.0]), None, None, iter([(1, 2)])",
}


@pytest.mark.parametrize("body", BAD_REBUILDING.values(), ids=BAD_REBUILDING)
def test_an_object_whose_rebuilding_fails_is_lost_and_all_else_is_there(round_trip, tmp_path, body):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "away.py").write_text(AWAY.format(body=body))
    round_trip(
        f"""
        import sys
        sys.path.append({str(library)!r})
        import away
        class Plain: pass
        class Ended:
            def __del__(self): ended.append(1)
        ended = []; ender = Ended()
        thing = away.Thing("d", [1.0]); half = away.Half()
        plain = Plain(); plain.thing = thing; plain.me = plain
        held = [1, thing, {{"a": thing, "b": plain}}, half]; numbers = iter(range(9)); next(numbers)
        keyed = {{Plain(): 1}}; text = b"x" * 100000
        """,
        """
        import pytest
        from dartslurm.errors import UncapturableError
        assert held[0] == 1 and held[1] is thing and held[2]["a"] is thing and plain.thing is thing
        assert held[2]["b"] is plain is plain.me and next(numbers) == 1 and len(text) == 100000
        assert held[3] is half
        for lost, name in ((thing, "away."), (half, "away.Half")):
            assert "the server is away" in repr(lost) and name in repr(lost), repr(lost)
            with pytest.raises(UncapturableError, match="the server is away"):
                len(lost)
        assert not ended, ended
        """,
    )


def test_a_bare_object_that_a_library_keeps_under_a_name_stays_that_object(round_trip):
    round_trip(
        """
        import functools, weakref
        mark, own = functools._initial_missing, object()
        both = [mark, own]
        """,
        """
        assert mark is functools._initial_missing and both[0] is mark
        assert both[1] is own and own is not mark and type(own) is object
        """,
    )


FIGURES = """
class Part:
    def __init__(self, props): self.props = dict(props); self.parent = None
    def __reduce__(self): return type(self), (dict(self.props),)
class Figure:
    def __init__(self, props):
        self.part = Part(props); self.part.parent = self; self.part.props["made"] = 1
    def __reduce__(self): return type(self), (dict(self.part.props),)
class Opened(Part):
    def close(self): pass
class Interned:
    known = {}
    def __new__(cls, key): return cls.known.setdefault(key, object.__new__(cls))
    def __init__(self, key): self.key = key
    def __reduce__(self): return type(self), (self.key,)
"""


def test_an_object_that_copies_itself_when_pickled_keeps_its_parts_and_their_order(
    round_trip, tmp_path
):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "figures.py").write_text(FIGURES)
    round_trip(
        f"""
        import sys
        sys.path.append({str(library)!r})
        import figures
        figure = figures.Figure({{"x": 1}}); part = figure.part; part.props["last"] = 2
        part.note = "since"; figure.me = figure
        opened = figures.Opened({{"a": 1}}); opened.handle = 7; key = figures.Interned("k")
        """,
        """
        import figures
        assert figure.part is part and part.parent is figure and figure.me is figure
        assert list(part.props) == ["x", "made", "last"] and part.note == "since"
        assert not hasattr(opened, "handle") and opened.props == {"a": 1}
        assert key is figures.Interned("k")
        """,
    )


def test_a_nan_is_the_same_nan_again_wherever_it_is_held(round_trip):
    round_trip(
        """
        import math, numpy as np
        mine = float("nan"); other = float("nan"); negative = math.inf - math.inf
        keyed = {mine: 1, other: 2, np.nan: 3}; members = {mine, 5.0, 7.0}; pair = (mine, other)
        row = [1.0] * 5000 + [mine]; cells = np.array([np.nan, mine, None], object)
        class Holder:
            __slots__ = ("value",)
        holder = Holder(); holder.value = math.nan
        """,
        """
        assert (keyed[mine], keyed[other], keyed[np.nan]) == (1, 2, 3)
        assert mine in members and other not in members and mine in row and other not in row
        assert pair[0] is mine and pair[1] is other is not mine and cells[1] is mine
        assert cells[0] is np.nan and holder.value is math.nan
        assert math.copysign(1, negative) == -1 and math.isnan(negative)
        """,
    )
