# ruff: noqa: E501  (programs inside strings)
"""What a version costs follows from what has changed: no more, and nothing is overlooked."""

import pytest

ARRAY = 800_000
"""Bytes of each array in these programs."""
A_LITTLE = 20_000
"""Bytes: names, small values and the references to arrays, of a program this small."""


def numpy_versions(versions, *steps):
    pytest.importorskip("numpy")
    first = "import numpy as np\ndef made(): return np.random.default_rng(1).random(100_000)\n"
    return versions(first + steps[0], *steps[1:])


def test_what_is_unchanged_costs_no_bytes(versions):
    first, again, read = versions(
        "a = [1, [2, 3], {'k': (4, 'x')}]; class_ = type('C', (), {'a': a}); f = lambda: a",
        "pass",
        "b = sum(map(len, map(str, a))); copy = [*a]; del b, copy",
    )
    assert first["new"] == first["total"] > 0
    assert (again["new"], read["new"]) == (0, 0)


@pytest.mark.parametrize(
    ("make", "again"),
    [
        ("a = [1, 2, [3]]", "a = [1, 2, [3]]"),
        ("a = {'x': 1, 'y': [2]}", "a = {'x': 1, 'y': [2]}"),
        ("a = 'text' * 9", "a = 'text' * 9"),
        ("class C: pass\na = C(); a.x = [1]", "old = a\na = C(); a.x = [1]\ndel old"),
    ],
    ids=["list", "dict", "text", "instance"],
)
def test_an_equal_object_made_again_costs_no_bytes(versions, make, again):
    assert versions(make, again)[1]["new"] == 0


@pytest.mark.parametrize(
    ("make", "edit", "revert"),
    [
        ("a = [1, [2, 3]]", "a[1].append(4)", "a[1].pop()"),
        ("a = [1, [2, 3]]", "a[1][0] = 5", "a[1][0] = 2"),
        ("a = [1, [2, 3]]", "a[1] = (2, 3)", "a[1] = [2, 3]"),
        ("a = {'x': 1}", "a['y'] = 1", "del a['y']"),
        ("a = [1]; b = [1]", "b = a", "b = [1]"),
        ("a = [1.0]", "a[0] = -0.0", "a[0] = 1.0"),
        ("a = [1]", "a[0] = True", "a[0] = 1"),
        ("x = [1]\ndef f(): return x", "x[0] = 2", "x[0] = 1"),
        ("def f(n=1): return n", "f.__defaults__ = (2,)", "f.__defaults__ = (1,)"),
        ("class C: n = 1", "C.n = 2", "C.n = 1"),
        ("def g():\n  yield 1\n  yield 2\na = g(); next(a)", "next(a)", "a = g(); next(a)"),
        (
            "a = iter(range(9)); b = next(a)",
            "c = next(a)\ndel c",
            "a = iter(range(9)); b = next(a)",
        ),
        ("import re; a = re.finditer('a', 'aaa'); next(a)", "b = 1", "del b"),
    ],
    ids=[
        *("element added", "value", "structure", "key", "shared", "sign of zero", "type", "global"),
        *("default", "class", "generator", "iterator", "something beside what is lost"),
    ],
)
def test_an_edit_is_noticed_and_taken_back_it_is_the_same_version(versions, make, edit, revert):
    first, edited, back = versions(make, edit, revert)
    assert edited["new"] > 0
    assert edited["streams"] != first["streams"]
    assert (back["streams"], back["new"]) == (first["streams"], 0)


def test_an_array_that_is_edited_and_edited_back_is_the_array_from_before(versions):
    first, same, edited, back = numpy_versions(
        versions, "a = made()", "total = a.sum(); del total", "a[7] += 1", "a[7] = made()[7]"
    )
    assert same["new"] == 0
    assert edited["leaves"] != first["leaves"]
    assert 0 < edited["new"] <= ARRAY
    assert (back["leaves"], back["new"]) == (first["leaves"], 0)


def test_arrays_that_have_nothing_to_do_with_each_other_are_not_linked(versions):
    first, second = numpy_versions(versions, "a, b = made(), made() + 1; both = [a, b]", "a[0] = 2")
    assert len(first["leaves"]) == 2
    assert sorted(size > 0 for size in second["new_in"].values()) == [False, True]
    assert second["new"] <= ARRAY


def test_a_view_is_linked_to_the_array_it_shows(versions):
    first, second, alone = numpy_versions(
        versions,
        "a = made(); view = a[10:50_000:3]; turned = a[::-1]; inner = {'v': view}",
        "inner['v'][0] = 5",
        "del a, view, turned, inner",
    )
    assert len(first["leaves"]) == 1
    assert first["total"] < ARRAY + A_LITTLE
    assert 0 < second["new_in"][next(iter(second["new_in"]))] <= ARRAY
    assert alone["leaves"] == {}


@pytest.mark.parametrize(
    "small", ["5", "'text'", "[]", "None"], ids=["int", "text", "list", "none"]
)
def test_small_values_do_not_link_what_holds_them(versions, small):
    program = f"n = {small}; a = [made(), n]; b = [made() + 1, {small}]"
    _, second = numpy_versions(versions, program, "a[0][0] = 2")
    assert sorted(size > 0 for size in second["new_in"].values()) == [False, True]


def test_only_the_changed_variable_of_four_is_written(versions):
    first, second = numpy_versions(
        versions,
        "same = made(); changed = same + 1; deleted = same + 2",
        "changed[0] = 0; del deleted; added = same + 3",
    )
    named = {path.rpartition("/")[2]: size for path, size in second["new_in"].items()}
    assert len(first["leaves"]) == len(second["leaves"]) == 3
    assert named["same"] == 0
    assert 0 < named["changed"] <= ARRAY
    assert named["added"] == ARRAY
    assert "deleted" not in named
    assert second["total"] < 3 * ARRAY + A_LITTLE


def test_deleting_one_of_two_that_share_memory_writes_nothing_of_it(versions):
    _, second = numpy_versions(
        versions, "a = made(); b = a.reshape(10, -1); c = [a, b]", "del a, c[0]"
    )
    assert list(second["new_in"].values()) == [0]
    assert second["new"] < A_LITTLE


@pytest.mark.parametrize(
    ("once", "often"),
    [
        ("a = list(range(1000))", "b = {'x': a}; c = (a, [a] * 50)"),
        ("a = 'text' * 1000", "b = [a] * 50"),
        ("class C: pass\na = C(); a.x = [3.5] * 1000", "b = [a] * 50"),
        ("a = bytearray(5000)", "b = memoryview(a)[5:]; c = [a, b]"),
        ("a = list(range(1000))", "a.append(a)"),
    ],
    ids=["list", "text", "instance", "buffer", "recursive"],
)
def test_what_is_held_by_several_is_written_once(versions, once, often):
    first, second = versions(once, often)
    assert second["total"] - first["total"] < 1500


def test_equal_objects_that_are_not_one_are_written_each(versions):
    first, second = versions(
        "a = [[i, i] for i in range(1000)]", "b = [[i, i] for i in range(1000)]"
    )
    assert second["total"] > 1.8 * first["total"]


def test_what_can_never_travel_costs_itself_only_in_every_version(versions):
    rows = versions(
        "import socket; a = [1]; s = socket.socket()", "a.append(2)", "pass", "s.close(); del s"
    )
    assert [row["lost"] for row in rows] == [["__main__.s"]] * 3 + [[]]
    assert rows[1]["new"] > 0
    assert rows[2]["new"] == 0


@pytest.mark.parametrize(
    ("make", "edit", "revert"),
    [
        ("a = pd.Series(made())", "a[3] = 7.0", "a[3] = made()[3]"),
        ("a = pd.DataFrame({'x': made(), 'y': made() + 1})", "a.loc[3, 'x'] = 7.0", "a.loc[3, 'x'] = made()[3]"),
    ],
    ids=["series", "frame"],
)  # fmt: skip
def test_a_cell_of_a_table_is_noticed_and_taken_back_it_is_the_same(versions, make, edit, revert):
    pytest.importorskip("pandas")
    first, same, edited, back, longer = numpy_versions(
        versions, f"import pandas as pd; {make}", "str(a.head())", edit, revert,
        "a = pd.concat([a, a[:1]])",
    )  # fmt: skip
    assert same["new"] < A_LITTLE
    assert edited["leaves"] != first["leaves"]
    assert edited["new"] <= ARRAY + A_LITTLE
    assert back["leaves"] == first["leaves"]
    assert longer["total"] > first["total"]


def test_a_version_that_has_been_taken_keeps_nothing_alive(versions):
    versions(
        """
        import gc, sys, weakref
        gc.disable()
        class Node: pass
        node = Node(); node.items = [1, 2]; node.more = {"k": (node.items,)}; node.raw = bytearray(9000)
        def f(): return node
        def counts(): return [sys.getrefcount(x) for x in (Node, node, vars(node), *vars(node).values(), f)]
        seen = weakref.ref(node)
        before = counts()
        """,
        "assert counts() == before, (counts(), before)",
        "del node; assert seen() is None",
    )
