"""The locals of a running C function are read where experiments found them, or not at all."""

import sys
from functools import lru_cache, partial
from types import MethodType

import pytest

from dartslurm.interpreter import c_locals
from dartslurm.stack import folds


def parts(values, found):
    """Give ``values``, reading before each what ``sum`` has so far."""
    for value in values:
        here = c_locals.find(
            (sum, "generator"), partial(folds._sum_of, "generator"), sys._getframe()
        )
        found.append(_read(here))
        yield value


def _read(here):
    if here.phase == "integer":
        return here.integer("part")
    if here.phase == "float":
        return here.real("part")
    return here.reference("part", None)


@pytest.mark.parametrize("call", [sum, lambda items: sum(*(items,)), lambda items: sum(items, 0)])
def test_the_part_of_a_sum_is_read_in_each_of_its_phases(call):
    found = []
    values = [3, -(2**40), True, 0.25, 7, -0.5, 1 + 2j, 4]
    call(parts(values, found))
    expected, part = [], 0
    for value in values:
        expected.append(part)
        part = part + value
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]


def test_a_sum_beyond_64_bits_is_read():
    found = []
    sum(parts([2**62] * 4, found))
    assert found == [0, 2**62, 2**63, 3 * 2**62]


@pytest.mark.parametrize("function", [min, max])
@pytest.mark.parametrize("way", ["key function", "key method", "key bounded cache of function"])
def test_what_a_key_function_competes_with_is_read(function, way):
    seen = []

    def score(*arguments):
        look = partial(folds._best_by_key, function, way)
        here = c_locals.find((function, way), look, sys._getframe())
        seen.append([here.reference(name, None) for name in ("item", "best", "value")])
        return -len(arguments[-1])

    words = ["abc", "a", "abcd", "ab"]
    key = MethodType(score, seen) if way == "key method" else score
    best = function(words, key=lru_cache(8)(key) if "cache" in way else key)
    assert best == ("abcd" if function is min else "a")
    assert [one[0] for one in seen] == words
    assert seen[0][1:] == [None, None]
    assert seen[-1][1:] == [best, -len(best)]


def test_below_another_function_nothing_is_read():
    def items():
        yield c_locals.find(
            (sum, "generator"), partial(folds._sum_of, "generator"), sys._getframe()
        )

    assert [*items()] == [None]
    assert tuple(items()) == (None,)
    assert max(items()) is None


def test_an_experiment_without_a_find_gives_no_state():
    def experiment(call, dice, notebook):
        def items():
            for _ in range(5):
                notebook.note("search", absent=dice.number(0, 2**60))
                yield 1

        call(sum, items())

    assert c_locals.measure(experiment) == []
