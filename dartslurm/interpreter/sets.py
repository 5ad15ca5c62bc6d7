"""The table of a set: its iteration order is part of a program's behaviour.

A set iterates in the order of its table, which follows from the hashes, the size of the table and
the history of insertions and removals. A set that is only filled again with the same elements may
iterate (and ``pop``) in another order, so the table itself travels.

Source:
    ``Include/cpython/setobject.h`` and ``Objects/setobject.c``, the same from 3.11 to 3.13.
"""

from __future__ import annotations

import ctypes
from ctypes import c_ssize_t, c_void_p, py_object
from typing import Any, NamedTuple

_FILL, _USED, _MASK, _TABLE, _FINGER, _SMALL = 16, 24, 32, 40, 56, 64
_SMALL_SLOTS = 8
_ENTRY_BYTES = 16


class SetTable(NamedTuple):
    """The table of a set: ``slots`` are the places of ``keys``, ``dummies`` those of removed ones."""

    mask: int
    finger: int
    slots: tuple[int, ...]
    keys: tuple[Any, ...]
    hashes: tuple[int, ...]
    dummies: tuple[int, ...]


def _word(address: int) -> c_ssize_t:
    return c_ssize_t.from_address(address)


def read_table(found: set[Any] | frozenset[Any]) -> SetTable:
    """Read where each element of a set lies."""
    base = id(found)
    mask = _word(base + _MASK).value
    table = c_void_p.from_address(base + _TABLE).value or 0
    words = (c_ssize_t * (2 * (mask + 1))).from_address(table)
    slots, hashes, dummies = [], [], []
    for index, (key, hashed) in enumerate(zip(words[::2], words[1::2], strict=True)):
        if key == _DUMMY:
            dummies.append(index)
        elif key:
            slots.append(index)
            hashes.append(hashed)
    return SetTable(
        mask, _word(base + _FINGER).value, tuple(slots), tuple(found), tuple(hashes), tuple(dummies)
    )


def is_plain(found: set[Any] | frozenset[Any]) -> bool:
    """Tell whether filling an empty set with the elements in order gives the same table."""
    again = type(found)(tuple(found))
    base, other = id(found), id(again)
    if any(_word(base + at).value != _word(other + at).value for at in (_FILL, _MASK, _FINGER)):
        return False
    return all(a is b for a, b in zip(found, again, strict=True))


def write_table(target: set[Any] | frozenset[Any], table: SetTable) -> bool:
    """Lay the elements of ``target`` out as ``table`` says; tell whether that was possible.

    It is not where an element's hash has changed (objects that are hashed by address).
    """
    base = id(target)
    current = {id(key): hashed for key, hashed in _entries(base)}
    wanted = dict(zip(map(id, table.keys), table.hashes, strict=True))
    if current != wanted:
        return False
    count = table.mask + 1
    entries = (c_ssize_t * (2 * count))()
    for slot, key, hashed in zip(table.slots, table.keys, table.hashes, strict=True):
        entries[2 * slot], entries[2 * slot + 1] = id(key), hashed
    for slot in table.dummies:
        entries[2 * slot], entries[2 * slot + 1] = _DUMMY, -1
    old = c_void_p.from_address(base + _TABLE).value or 0
    if count == _SMALL_SLOTS:
        place = base + _SMALL
    else:
        place = _allocate(ctypes.sizeof(entries)) or 0
        if not place:
            return False
    ctypes.memmove(place, entries, ctypes.sizeof(entries))
    c_void_p.from_address(base + _TABLE).value = place
    _word(base + _MASK).value = table.mask
    _word(base + _FILL).value = len(table.slots) + len(table.dummies)
    _word(base + _FINGER).value = table.finger
    if old != base + _SMALL:
        _free(old)
    return True


def _entries(base: int) -> list[tuple[Any, int]]:
    mask = _word(base + _MASK).value
    table = c_void_p.from_address(base + _TABLE).value or 0
    words = (c_ssize_t * (2 * (mask + 1))).from_address(table)
    return [
        (ctypes.cast(key, py_object).value, hashed)
        for key, hashed in zip(words[::2], words[1::2], strict=True)
        if key and key != _DUMMY
    ]


_allocate = ctypes.pythonapi.PyMem_Malloc
_allocate.restype = c_void_p
_allocate.argtypes = [ctypes.c_size_t]
_free = ctypes.pythonapi.PyMem_Free
_free.restype = None
_free.argtypes = [c_void_p]


def _find_dummy() -> int:
    """Return the address that marks a removed element: what is left where one was."""
    sample = {1}
    sample.discard(1)
    table = c_void_p.from_address(id(sample) + _TABLE).value or 0
    return _word(table + _ENTRY_BYTES).value


_DUMMY = _find_dummy()
