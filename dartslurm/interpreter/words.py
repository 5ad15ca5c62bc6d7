"""Read memory of the interpreter by address: a word, a byte, the object that a word refers to.

Every function trusts that the address is right (`LAYOUT`, or an offset that was measured). Inside
`gil.unmoved` each of them first sees that no other thread has run, and raises `NotYetError` else.

Between a comparison with `SWITCHES` and the read behind it stand no call, no jump back and no
allocation that the collector counts: at none of what is left does the interpreter give up the GIL.
"""

from __future__ import annotations

from ctypes import POINTER, Union, c_ssize_t, c_ubyte, c_void_p, py_object
from typing import Any

from dartslurm.errors import NotYetError
from dartslurm.interpreter.gil import SWITCHES, expected, moved

_NO_REFCOUNT = 1 << 40
"""No object has so many references; a freed one's first word is a pointer, or zero."""


class _Target(Union):
    """An address as a pointer to what lies there: an object begins with its count and its type."""

    _fields_ = (("address", c_void_p), ("words", POINTER(c_ssize_t)))


def word(place: int) -> int:
    """Return the word at ``place`` as an address."""
    found, wanted = c_void_p.from_address(place), expected()
    if wanted is not None and SWITCHES[0] != wanted:
        raise moved()
    return found.value or 0


def byte(place: int) -> int:
    """Return the byte at ``place``."""
    found, wanted = c_ubyte.from_address(place), expected()
    if wanted is not None and SWITCHES[0] != wanted:
        raise moved()
    return found.value


def object_at(place: int, empty: Any = None) -> Any:
    """Return the object that the word at ``place`` refers to, ``empty`` where the word is zero.

    Raises:
        NotYetError: if the object is being destroyed.
    """
    return _follow(place, empty, takes=True)


def type_at(place: int) -> int:
    """Return the address of the type of the object that the word at ``place`` refers to, or 0.

    No reference is taken: the object may be gone already.
    """
    found: int = _follow(place, 0, takes=False)
    return found


def _follow(place: int, empty: Any, *, takes: bool) -> Any:
    words, objects = (c_void_p * 1).from_address(place), (py_object * 1).from_address(place)
    target, wanted = _Target(), expected()
    if wanted is not None and SWITCHES[0] != wanted:
        raise moved()
    pointer = words[0]
    if not pointer:
        return empty
    target.address = pointer
    head = target.words
    if wanted is not None and SWITCHES[0] != wanted:
        raise moved()
    if not takes:
        return head[1]
    # An operand may already be popped; while the last reference to it goes, Python code can run
    # (``__del__``, closing a generator). Taking a reference then would free it twice.
    if not 0 < head[0] < _NO_REFCOUNT:
        raise NotYetError("an operand is being destroyed")
    return objects[0]
