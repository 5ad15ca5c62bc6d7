"""Memory of the interpreter by address: a word, a byte, the object that a word refers to.

Every function trusts that the address is right (`LAYOUT`, or an offset that was measured). Inside
`gil.unmoved` each of them first sees that no other thread has run, and raises `NotYetError` else.

Between a comparison with `SWITCHES` and the read behind it stand no call, no jump back and no
allocation that the collector counts: at none of what is left does the interpreter give up the GIL.
"""

from __future__ import annotations

import os
from ctypes import (
    POINTER,
    PyDLL,
    Union,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_ubyte,
    c_void_p,
    create_string_buffer,
    py_object,
)
from struct import unpack
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.errors import NotYetError
from dartslurm.interpreter.gil import SWITCHES, expected, moved

if TYPE_CHECKING:
    from collections.abc import Iterator

_python = PyDLL(None)  # not ctypes.pythonapi, whose functions the program may have set up
take_reference = _python.Py_IncRef
take_reference.restype, take_reference.argtypes = None, [py_object]
give_reference = _python.Py_DecRef
give_reference.restype, give_reference.argtypes = None, [py_object]
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
    # An operand may already be popped; while the last reference to it goes, Python code can run
    # (``__del__``, closing a generator). Taking a reference then would free it twice.
    if not 0 < head[0] < _NO_REFCOUNT:
        raise NotYetError("an operand is being destroyed")
    return objects[0]


def head_at(place: int) -> tuple[bool, int]:
    """Tell whether the word at ``place`` may refer to an object, and the address of its type.

    Nothing is trusted and no reference is taken: the object may be gone already, and the memory be
    another object's, or nobody's. So a true answer is no more than that.
    """
    found = own_bytes(word(place), 16)
    wanted = expected()
    if wanted is not None and SWITCHES[0] != wanted:
        raise moved()
    count, kind = unpack("qQ", found or bytes(16))
    return 0 < count < _NO_REFCOUNT, kind


def own_bytes(address: int, size: int) -> bytes | None:
    """Return memory of this process that may have gone, ``None`` if it has."""
    found = read_at_once(b"/proc/self/mem", size, address)
    return found if len(found) == size else None


def read_at_once(path: bytes, size: int, place: int = 0) -> bytes:
    """Read a file without giving the GIL up, so that nobody moves; return what could be had."""
    descriptor = _python.open(path, 0)
    if descriptor < 0:
        return b""
    buffer = create_string_buffer(size)
    try:
        length = _python.pread(descriptor, buffer, c_size_t(size), c_int64(place))
    finally:
        _python.close(descriptor)
    return buffer.raw[: max(0, length)]


def put_object(place: int, obj: Any, empty: Any = None) -> None:
    """Have the word at ``place`` refer to ``obj``, or be zero for ``empty``; count references."""
    slot = c_void_p.from_address(place)
    before = object_at(place)
    if obj is not empty:
        take_reference(obj)
    slot.value = None if obj is empty else id(obj)
    if before is not None:
        give_reference(before)


class Area(NamedTuple):
    """A stretch of this process's memory: addresses, rights (``rw-p``), and the file behind it."""

    start: int
    end: int
    rights: str
    offset: int
    path: str


def areas() -> Iterator[Area]:
    """Yield the memory of this process in ascending order (``/proc/self/maps``, proc(5))."""
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            span, rights, offset, *rest = os.fsdecode(line.rstrip(b"\n")).split(None, 5)
            start, _, end = span.partition("-")
            path = rest[2] if len(rest) > 2 else ""
            yield Area(int(start, 16), int(end, 16), rights, int(offset, 16), path)
