# ruff: noqa: E501  (programs inside strings)
"""Large plain containers travel in parts of their own, and nobody can tell."""

import gc
import marshal
import random
import sys

import pytest

from dartslurm.delta.cuts import CHUNK_BYTES, Cuts
from dartslurm.state import parts


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch):
    monkeypatch.setenv("DART_TEST_PART_ITEMS", "3")
    parts._refused.clear()


def taken(root):
    return parts.take_parts([root], set())[0]


CLOSED = {
    "numbers": lambda: [*range(1000, 1010), 1.5, -0.0, 2**70, True, None, 1j, float("inf")],
    "rows": lambda: [[i, [i, [i]]] for i in range(1000, 1010)],
    "records": lambda: [
        {"name": f"n{i}", "tags": ["a", "bc"], "at": (1.0, i), "no": ()} for i in range(10)
    ],
    "table": lambda: {(i, f"k{i}"): {"x": b"n%d" % i, "y": ""} for i in range(10)},
    "text held twice inside": lambda: (lambda text: [text, [text], {1: text}, text])(
        "".join(["a ", "b "])
    ),
}


@pytest.mark.parametrize("make", CLOSED.values(), ids=CLOSED.keys())
def test_what_nobody_else_sees_inside_is_a_part_and_comes_back(make):
    root = make()
    held, written = parts.take_parts([root], set())
    assert len(held) == 1 and held[0] is root
    assert repr(parts.read_part(written[0])) == repr(root)


def test_a_container_with_a_nan_is_no_part():
    assert not taken([1.5, float("nan"), 2.5]) and not taken([1.5, -float("nan"), 2.5])


def test_text_held_twice_inside_is_one_text_again():
    text = "".join(["not ", "interned"])
    root = [text, [text], text]
    del text
    back = parts.read_part(parts.take_parts([root], set())[1][0])
    assert back[0] is back[1][0] is back[2]


def test_a_container_of_which_something_is_seen_from_outside_is_no_part():
    inner, text, pair = [1000], "".join(["a ", "text"]), (1, [2])
    assert not taken([inner, 1, 2])
    assert not taken([[inner], [1], [2]])
    assert not taken({1: inner, 2: 3, 4: 5})
    assert not taken([pair, 1, 2])
    assert not taken([text, 1, 2]) and not taken([[text], 1, 2, {text: 1}])
    rows = [[1], [2], [3]]
    reading = iter(rows[1])
    assert not taken(rows)
    del reading
    parts._refused.clear()
    assert taken(rows)
    shared = [[1]] * 3
    assert not taken(shared)


class Number(int):
    """Equal to an int, and not one."""


@pytest.mark.parametrize(
    "odd",
    [
        object(),
        bytearray(b"x"),
        memoryview(b"x"),
        {1},
        frozenset((1,)),
        Number(1),
        ...,
        int,
        compile("1", "f", "eval"),
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_what_marshal_would_change_or_refuse_is_no_part(odd):
    holder = [odd]
    del odd
    assert not taken([1, 2, 3, *holder])
    assert not taken([[1], [2, holder], [3]])


def test_no_cycle_and_no_deep_nest_is_a_part():
    loop = [1, 2, 3]
    loop.append(loop)
    assert not taken(loop)
    deep = [1, 2, 3]
    for _ in range(50):
        deep = [deep, 2, 3]
    assert not taken(deep)


def test_nothing_is_kept_alive_and_nothing_is_counted_up():
    rows = [[i, f"text {i}"] for i in range(100)]
    before = [sys.getrefcount(row) for row in rows] + [sys.getrefcount(row[1]) for row in rows]
    taken(rows)
    gc.collect()
    after = [sys.getrefcount(row) for row in rows] + [sys.getrefcount(row[1]) for row in rows]
    assert before == after


def test_random_trees_come_back_whole(round_trip):
    round_trip(
        r"""
        import os, random
        os.environ["DART_TEST_PART_ITEMS"] = "2"
        from dartslurm.state import parts
        rng = random.Random(5)
        pool = ["".join(["shared ", str(i)]) for i in range(5)]
        def grow(depth):
            kind = rng.randrange(9 if depth else 6)
            if kind < 6:
                return [rng.randrange(10**6), rng.random(), None, f"t{rng.random()}", b"x" * rng.randrange(3), rng.choice(pool)][kind]
            items = [grow(depth - 1) for _ in range(rng.randrange(5))]
            if items and kind == 6 and rng.random() < 0.2: items.append(items[-1])
            if kind == 6: return items
            return tuple(items) if kind == 7 else {i: item for i, item in enumerate(items)}
        class Holder: pass
        trees = [[grow(4) for _ in range(4)] for _ in range(200)]
        again = trees[::7]
        one = Holder(); one.tree = trees[3]; one.inner = trees[5][0]
        text = repr((trees, again))
        plain = (int, float, bytes, type(None))  # these never kept their identity
        same = [[a is b for a in tree for b in tree if type(a) not in plain] for tree in trees]
        def check_live():
            assert repr((trees, again)) == text
            assert len(parts._refused) < 200
        """,
        r"""
        assert repr((trees, again)) == text
        assert all(a is trees[7 * i] for i, a in enumerate(again))
        assert one.tree is trees[3] and one.inner is trees[5][0]
        assert [[a is b for a in tree for b in tree if type(a) not in plain] for tree in trees] == same
        """,
    )


def spans_of(cuts, data):
    spans = cuts.spans("s", data)
    assert b"".join(data[at : at + length] for at, length in spans) == data
    return {data[at : at + length] for at, length in spans}


def test_an_edit_of_a_stream_makes_few_new_chunks_wherever_it_is():
    rng = random.Random(1)
    numbers = [rng.randrange(2**31) for _ in range(300_000)]
    cuts = Cuts()
    known = spans_of(cuts, marshal.dumps(numbers, 2))
    for _ in range(20):
        at, size = rng.randrange(len(numbers)), rng.choice((1, 7, 20_000))
        if rng.random() < 0.5:
            numbers[at:at] = range(10**6, 10**6 + size)
        else:
            del numbers[at : at + size]
        chunks = spans_of(cuts, marshal.dumps(numbers, 2))
        assert sum(map(len, chunks - known)) <= 4 * CHUNK_BYTES + 5 * size
        known = chunks


@pytest.mark.parametrize("data", [b"", b"a", bytes(10**6), b"ab" * 10**5], ids=len)
def test_any_stream_is_cut_without_gaps(data):
    cuts = Cuts()
    for piece in (data, data[1:], data + b"x", b"", data[: len(data) // 2], data * 3):
        spans_of(cuts, piece)
