"""What a C function holds is found on its stack, and nothing that anybody else can reach."""

import functools
import sys

import pytest

from dartslurm.interpreter.c_stack import held_by_c


def watching(kind, found, items=5):
    kept = [[1], {1}, {1: 1}]  # of the same types, and reachable
    for number in range(items):
        if number == 3:
            found.extend(held_by_c(sys._getframe(), kind))
        yield (number, kept)


@pytest.mark.parametrize("kind", [list, dict])
def test_what_is_being_collected_is_found(kind):
    found = []
    made = kind(watching(kind, found))
    assert [one is made for one in found] == [True]


def test_a_list_that_sorted_fills_is_found():
    found = []
    names = sorted(watching(list, found), key=lambda pair: pair[0])
    assert len(found) == 1 and found[0] is names


def test_of_nested_calls_each_finds_its_own():
    found = []

    def outer():
        for _ in range(2):
            yield 1
        found.append(list(watching(list, found)))
        yield from held_by_c(sys._getframe(), list)

    made = list(outer())
    assert found[0] is found[1]
    assert made[2] is made


def test_an_iterator_inside_reduce_is_found():
    found = []

    def add(left, right):
        found.append([one.__reduce__()[1:] for one in held_by_c(sys._getframe(), type(iter([])))])
        return left + right

    items = [1, 2, 3]
    assert functools.reduce(add, items) == 6
    assert found == [[((items,), 2)], [((items,), 3)]]
