"""Walks over pyarrow's arrays, such as pandas makes over a column of texts: the array and a count.

The walk is a generator of Cython, whose position is a number in a C structure. Where it lies is
found by looking into walks over a known array; where that fails, a walk is lost by its name.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from dartslurm.state.memory import word_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_lib: Any = sys.modules["pyarrow.lib"]
_LENGTH, _TRIALS = 50, (9, 23, 38)


def claim(cls: type) -> Reducer | None:
    """Take the generators of Cython; whose they are is seen later."""
    is_walk = cls.__name__ == "generator" and cls.__module__.startswith("_cython_")
    return reduce_walk if is_walk else None


def reduce_walk(walk: Any, writer: Writer) -> Reduction:
    """Reduce a walk over an array to the array and the number of its items that were taken."""
    found = _position(walk)
    if found is None:
        return writer.refuse(walk, "a generator of compiled code", str(walk.__qualname__))
    return make_walk, found


def make_walk(whole: Any, count: int) -> Any:
    """Begin a walk over an array again, behind its first ``count`` items."""
    walk = iter(whole)
    deque(islice(walk, count), 0)
    return walk


def _position(walk: Any) -> tuple[Any, int] | None:
    name, scope = walk.__qualname__, _held_by(walk)
    if name is None:
        return _lib.array([]), 1  # it has ended
    rule = {"Array.__iter__": _in_array, "ChunkedArray.__iter__": _in_chunks}.get(name)
    return None if rule is None or scope is None else rule(scope)


def _held_by(walk: Any) -> Any:
    """Return what keeps a generator's variables, if it is one of pyarrow's."""
    return next((obj for obj in gc.get_referents(walk) if _is_scope(type(obj))), None)


def _is_scope(cls: type) -> bool:
    return cls.__module__ == _lib.__name__ and "scope_struct" in cls.__name__


def _in_array(scope: Any) -> tuple[Any, int] | None:
    places = _places()
    arrays = [obj for obj in gc.get_referents(scope) if isinstance(obj, _lib.Array)]
    if places is None or len(arrays) != 1:
        return None
    index, length = (word_at(scope, place) for place in places)
    if (index, length) != (0, 0) and not (length == len(arrays[0]) and 0 <= index < length):
        return None
    return arrays[0], index + 1 if length else 0  # not begun yet: all is zero


def _in_chunks(scope: Any) -> tuple[Any, int] | None:
    held = gc.get_referents(scope)
    wholes = [obj for obj in held if isinstance(obj, _lib.ChunkedArray)]
    walks = {obj.__qualname__: _held_by(obj) for obj in held if claim(type(obj))}
    if len(wholes) != 1:
        return None
    if not walks:
        return wholes[0], 0
    inner, outer = walks.get("Array.__iter__"), walks.get("ChunkedArray.iterchunks")
    within = _in_array(inner) if inner is not None else None
    number = [obj for obj in gc.get_referents(outer) if type(obj) is int]
    if within is None or len(number) != 1 or not 0 <= number[0] < wholes[0].num_chunks:
        return None
    return wholes[0], sum(len(wholes[0].chunk(i)) for i in range(number[0])) + within[1]


@cache
def _places() -> tuple[int, int] | None:
    """Return where the variables of a walk over an array have its last index and its length."""
    array = _lib.array(range(_LENGTH))
    walks = [make_walk(array, count) for count in _TRIALS]
    scopes = [_held_by(walk) for walk in walks]
    if None in scopes:
        return None
    at = range(16, type(scopes[0]).__basicsize__, 8)
    index = [i for i in at if all(word_at(s, i) == n - 1 for s, n in zip(scopes, _TRIALS))]  # noqa: B905
    length = [i for i in at if all(word_at(scope, i) == _LENGTH for scope in scopes)]
    return (index[0], length[0]) if index and length else None
