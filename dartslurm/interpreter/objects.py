"""What lies in the heads of plain objects, read without asking them.

Takes dicts; gives the version that the interpreter counts up at each change of any dict. Two
looks at a dict that find the same version have found the same keys and the same values.
"""

from __future__ import annotations

from ctypes import c_uint64
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
