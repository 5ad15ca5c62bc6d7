"""Sets that would come back in another order keep the one they had.

A set's order is that of its hash table, and the table depends on the set's whole history: how it
grew, what was removed. Pickling gives the elements only. So for each set of plain values whose
rebuilt table would differ, the table itself is noted (size, slot of each element, removed slots)
and made again at load. Values whose hash differs from process to process keep no order anyway.

Source:
    ``PySetObject``, ``Include/cpython/setobject.h``; ``Objects/setobject.c`` (3.11 to 3.13).
"""

from __future__ import annotations

import ctypes
from array import array
from operator import is_not
from typing import Any, NamedTuple

from dartslurm.interpreter.words import give_reference, take_reference
from dartslurm.state.contract import LATE_ROOTS, reader
from dartslurm.state.memory import dummy_of_sets

_FILL, _USED, _MASK, _TABLE, _FINGER = 16, 24, 32, 40, 56
_TYPE = 8
_SMALL = 8
_STABLE = frozenset((int, float, complex, bool, str, bytes))
_NESTED = (tuple, frozenset)

_PROBE = "a word whose hash tells the seed"


class Table(NamedTuple):
    """A set's hash table: its mask, the slots in use in order, and those of removed elements."""

    mask: int
    slots: array[int]
    removed: array[int]


def tables_of(objects: list[Any]) -> list[tuple[Any, tuple[int, list[Any], Table]]]:
    """Return the sets among ``objects`` that would come back in another order, and their state."""
    found = []
    probe = hash(_PROBE)
    for obj in objects:
        if len(obj) > 1 and _is_stable(obj):
            table = _read(obj)
            elements = list(obj)
            again = set(elements)
            if table != _read(again) or any(map(is_not, elements, again)):
                found.append((obj, (probe, elements, table)))
    return found


def _is_stable(elements: Any) -> bool:
    kinds = set(map(type, elements))
    if not kinds <= _STABLE | set(_NESTED):
        return False
    if float in kinds and any(item != item for item in elements if type(item) is float):
        return False  # the hash of a NaN is its address
    return all(_is_stable(item) for item in elements if type(item) in _NESTED)


def _word(obj: Any, offset: int) -> Any:
    return ctypes.c_ssize_t.from_address(id(obj) + offset)


def _read(obj: Any) -> Table:
    mask = _word(obj, _MASK).value
    entries = array("q", ctypes.string_at(_word(obj, _TABLE).value, 16 * (mask + 1)))
    keys = entries[::2]
    slots = array("q", [i for i, key in enumerate(keys) if key and key != dummy_of_sets])
    removed = array("q")
    if _word(obj, _FILL).value != _word(obj, _USED).value:
        removed.extend(i for i, key in enumerate(keys) if key == dummy_of_sets)
    return Table(mask, slots, removed)


def fill_table(obj: Any, state: tuple[int, list[Any], Table]) -> None:
    """Give a set its table once all else is loaded, if hashes are what they were."""
    probe, elements, table = state
    if hash(_PROBE) == probe and len(obj) == len(elements):
        reader().late(LATE_ROOTS, lambda: restore(obj, elements, table))


def restore(obj: Any, elements: list[Any], table: Table) -> None:
    """Lay a set's elements out in the order they had; they are the same already."""
    frozen = type(obj) is frozenset
    _word(obj, _TYPE).value = id(set)
    try:
        _lay_out(obj, elements, table)
    finally:
        if frozen:
            _word(obj, _TYPE).value = id(frozenset)


def _lay_out(obj: set[Any], elements: list[Any], table: Table) -> None:
    set.clear(obj)
    if table.mask >= _SMALL:  # a set that is merged into an empty one gets twice its room
        set.update(obj, set(range((table.mask + 1) // 2 - 1)))
    if _word(obj, _MASK).value != table.mask:
        set.clear(obj)
        set.update(obj, elements)
        return
    address = _word(obj, _TABLE).value
    for item in list(obj):
        give_reference(item)
    entries = array("q", bytes(16 * (table.mask + 1)))
    for slot, item in zip(table.slots, elements, strict=True):
        entries[2 * slot], entries[2 * slot + 1] = id(item), hash(item)
        take_reference(item)
    for slot in table.removed:
        entries[2 * slot], entries[2 * slot + 1] = dummy_of_sets, -1
    ctypes.memmove(address, entries.tobytes(), 16 * (table.mask + 1))
    _word(obj, _USED).value = len(elements)
    _word(obj, _FILL).value = len(elements) + len(table.removed)
    _word(obj, _FINGER).value = 0
