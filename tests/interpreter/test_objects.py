# SPDX-License-Identifier: MIT
"""A change of a dict is seen in its head, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dartslurm.interpreter.objects import dict_version

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGES: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "another value": lambda d: d.__setitem__("a", 2),
    "an equal value": lambda d: d.__setitem__("a", float("1")),
    "a new key": lambda d: d.__setitem__("b", 1),
    "a key less": lambda d: d.__delitem__("a"),
    "emptied": lambda d: d.clear(),
    "filled anew": lambda d: d.update(list(d.items())[::-1] + [("c", 3)]),
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
