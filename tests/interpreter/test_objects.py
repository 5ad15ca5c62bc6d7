# SPDX-License-Identifier: MIT
"""A change of a dict is seen in its head, whatever it is; memory to be filled is plain memory."""

from __future__ import annotations

from ctypes import addressof, c_char
from mmap import PAGESIZE
from typing import TYPE_CHECKING, Any

import pytest

from dartslurm.interpreter.objects import dict_version, unfilled

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGES: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "another value": lambda d: d.__setitem__("a", 2),
    "an equal value": lambda d: d.__setitem__("a", float("1")),
    "a new key": lambda d: d.__setitem__("b", 1),
    "a key less": lambda d: d.__delitem__("a"),
    "emptied": lambda d: d.clear(),
    "filled anew": lambda d: d.update([*list(d.items())[::-1], ("c", 3)]),
    "there and back": lambda d: (d.__setitem__("z", 1), d.__delitem__("z")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_no_change_of_a_dict_leaves_its_version(change: Callable[[dict[Any, Any]], Any]) -> None:
    found: dict[Any, Any] = {"a": 1, 3: []}
    before = dict_version(found)
    assert dict_version(found) == before or dict_version(found) < 0
    change(found)
    assert dict_version(found) != before


def test_two_dicts_never_have_the_same_version() -> None:
    alive = [{"a": number} for number in range(100)]
    assert len({dict_version(found) for found in alive}) == len(alive)


HUGE = 4 << 20


@pytest.mark.parametrize(
    "size", [0, 1, PAGESIZE, HUGE - 1, HUGE, HUGE + 1, HUGE + 5 * PAGESIZE + 3]
)
def test_memory_to_be_filled_is_a_bytearray_like_any_other(size: int) -> None:
    made = unfilled(size)
    made[:] = content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert type(made) is bytearray and made == content
    made += b"more"
    del made[:2]
    assert made == (content + b"more")[2:]
    made.clear()
    assert made == b""


def test_large_memory_to_be_filled_begins_with_a_page() -> None:
    made = [unfilled(HUGE + extra) for extra in range(0, 50_000, 777)]
    assert {addressof(c_char.from_buffer(each)) % PAGESIZE for each in made} == {0}
