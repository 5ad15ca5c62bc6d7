"""What plain objects hold and do not show.

Takes dicts; gives the version that the interpreter counts up at each change of any dict. Two
looks at a dict that find the same version have found the same keys and the same values. Makes
bytearrays whose bytes nobody has set yet.
"""

from __future__ import annotations

from ctypes import (
    CDLL,
    addressof,
    c_char,
    c_char_p,
    c_int,
    c_size_t,
    c_ssize_t,
    c_uint64,
    c_void_p,
    py_object,
    pythonapi,
)
from mmap import MADV_HUGEPAGE, PAGESIZE
from typing import Any

_DICT_VERSION = 24
"""Offset of ``ma_version_tag`` in ``PyDictObject``.

Source:
    ``Include/cpython/dictobject.h`` (3.11 to 3.13). The number is unique among all dicts.
"""


def _counts() -> bool:
    sample = {"a": 1}
    seen = {_read(sample)}
    sample["a"] = 2
    seen.add(_read(sample))
    del sample["a"]
    seen.update((_read(sample), _read({})))
    return len(seen) == 4


def _read(found: dict[Any, Any]) -> int:
    return c_uint64.from_address(id(found) + _DICT_VERSION).value


_never_the_same = iter(range(-1, -(1 << 62), -1)).__next__

DICTS_HAVE_VERSIONS = _counts()


def dict_version(found: dict[Any, Any]) -> int:
    """Return a number that no dict in any other state has; always a new one where none is kept."""
    return _read(found) if DICTS_HAVE_VERSIONS else _never_the_same()


replace_dict = pythonapi.PyObject_GenericSetDict
"""``replace_dict(obj, namespace, None)``: make ``namespace`` the dict of an instance."""
replace_dict.argtypes = (py_object, py_object, c_void_p)
replace_dict.restype = c_int

_new_bytearray = pythonapi.PyByteArray_FromStringAndSize
_new_bytearray.argtypes = (c_char_p, c_ssize_t)
_new_bytearray.restype = py_object

advise = CDLL(None).madvise
"""``advise(address, size_bytes, advice)``: madvise(2), while other threads run."""
advise.argtypes = (c_void_p, c_size_t, c_int)

_HUGE_BYTES = 4 << 20
"""From here on NumPy asks for huge pages, and so do we."""


def unfilled(size_bytes: int) -> bytearray:
    """Make a bytearray of any content, to be filled as a whole.

    ``bytearray(n)`` sets every byte first: that touches each fresh page in one thread, and costs
    more than reading the same bytes from the page cache. Large ones begin with a
    page, so that a disk can write there, and lie in huge pages, as NumPy has its own arrays.

    Raises:
        MemoryError: if there is not the memory for it.
    """
    is_huge = size_bytes >= _HUGE_BYTES
    made: bytearray = _new_bytearray(None, size_bytes + PAGESIZE * is_huge)
    if is_huge:
        begin = addressof(c_char.from_buffer(made))
        del made[: -begin % PAGESIZE]  # moves where it begins, and not its bytes
        del made[size_bytes:]
        # No more than advice: what it returns does not matter.
        advise(begin + -begin % PAGESIZE, size_bytes // PAGESIZE * PAGESIZE, MADV_HUGEPAGE)
    return made
