"""Dicts and sets that were filled while their keys hashed by identity are hashed anew.

Takes the objects of a load and the classes of the program that compute a hash in Python; gives
back the same containers, in the same order, with their keys where lookups expect them.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from ctypes import c_ssize_t
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_NESTED = (tuple, frozenset)
_FROZEN_HASH = 48
_WEAK_HASH = 32
"""Offsets of the cached hash in a frozenset and a weak reference (3.11 to 3.13)."""
_SET_TYPE_OFFSET = 8


def rehash(objects: Iterable[Any], classes: set[type]) -> list[str]:
    """Hash anew every dict and set among ``objects`` that has a key of ``classes``.

    Returns:
        The reasons why some could not be: a key's own ``__hash__`` or ``__eq__`` failed. They are
        left whole, with their keys not to be found.
    """
    affected = set(classes) | {sub for cls in classes for sub in _below(cls)}
    if not affected:
        return []
    failed = []
    found = list(objects)
    for obj in found:
        if issubclass(type(obj), weakref.ref) and type(obj()) in affected:
            c_ssize_t.from_address(id(obj) + _WEAK_HASH).value = -1
    for act in (_rehash_frozen, _rehash_mutable):  # a key of the latter may be a frozenset
        for obj in found:
            try:
                act(obj, affected)
            except Exception as error:
                failed.append(f"keys of a {type(obj).__name__} fail: {type(error).__name__}")
    return failed


def _rehash_frozen(obj: Any, affected: set[type]) -> None:
    if type(obj) is frozenset and _has_affected(obj, affected):
        _rehash_frozenset(obj)


def _rehash_mutable(obj: Any, affected: set[type]) -> None:
    if issubclass(type(obj), dict):
        if _has_affected(dict.keys(obj), affected):
            _rehash_dict(obj)
    elif issubclass(type(obj), set) and _has_affected(set.__iter__(obj), affected):
        fresh = set(list(set.__iter__(obj)))  # noqa: C414  has the hashes, if it can be made
        set.clear(obj)
        set.update(obj, fresh)


def _below(cls: type) -> list[type]:
    found: list[type] = []
    sub: type
    for sub in type.__subclasses__(cls):
        found += [sub, *_below(sub)]
    return found


def _has_affected(keys: Iterable[Any], affected: set[type]) -> bool:
    return any(
        type(key) in affected
        or (issubclass(type(key), weakref.ref) and type(key()) in affected)
        or (issubclass(type(key), _NESTED) and _has_affected(key, affected))
        for key in keys
    )


def _rehash_dict(obj: Any) -> None:
    if issubclass(type(obj), OrderedDict):
        pairs = list(OrderedDict(OrderedDict.items(obj)).items())  # fails here if at all
        OrderedDict.clear(obj)
        for key, value in pairs:
            OrderedDict.__setitem__(obj, key, value)
        return
    fresh = dict(dict.items(obj))  # has the hashes, if it can be made
    dict.clear(obj)
    dict.update(obj, fresh)


def _rehash_frozenset(obj: frozenset[Any]) -> None:
    """Refill a frozenset in place: for a moment it is a set, as ``set.update`` demands."""
    kind = c_ssize_t.from_address(id(obj) + _SET_TYPE_OFFSET)
    fresh = set(list(obj))  # noqa: C414  a list has no hashes to take over
    kind.value = id(set)
    try:
        set.clear(obj)  # type: ignore[arg-type]
        set.update(obj, fresh)  # type: ignore[arg-type]
    finally:
        kind.value = id(frozenset)
    c_ssize_t.from_address(id(obj) + _FROZEN_HASH).value = -1
