"""Numpy's walks over the elements of arrays, and functions of the program made element-wise.

``a.flat`` (and ``ndenumerate`` over it) and ``broadcast`` are walked again to where they stood; an
array's elements may come later, the walk only counts. What ``frompyfunc`` makes, which
``vectorize`` keeps, says of itself that it lies in a module under its function's name, and does
not.
"""

from __future__ import annotations

import gc
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_MADE = " (vectorized)"


def reduce_flat(walk: Any, _writer: Writer) -> Reduction:
    """Reduce a walk over the elements of an array."""
    return make_flat, (walk.base, walk.index)


def make_flat(array: Any, index: int) -> Any:
    """Rebuild a walk over the elements of an array."""
    return _passed(np.ndarray.flat.__get__(array), index)


def reduce_broadcast(walk: Any, _writer: Writer) -> Reduction:
    """Reduce a walk over several arrays at once."""
    return make_broadcast, (tuple(one.base for one in walk.iters), walk.index)


def make_broadcast(arrays: tuple[Any, ...], index: int) -> Any:
    """Rebuild a walk over several arrays at once."""
    return _passed(np.broadcast(*arrays), index)


def _passed(walk: Any, count: int) -> Any:
    deque(islice(walk, count), maxlen=0)
    return walk


def reduce_function(function: Any, writer: Writer) -> Reduction:
    """Reduce an element-wise function: a library's by its name, the program's by what it calls.

    The one it calls is the first that its collector's visit meets, an identity that was given the
    second.
    """
    found = writer.located(function)
    if found is not None or not function.__name__.endswith(_MADE):
        return found if found is not None else writer.own(function)
    held = [one for one in gc.get_referents(function) if type(one) is not dict]
    if not held or not callable(held[0]):
        return writer.own(function)
    return make_function, (held[0], function.nin, function.nout, tuple(held[1:2]))


def make_function(called: Any, taken: int, given: int, identity: tuple[Any, ...]) -> Any:
    """Rebuild an element-wise function."""
    keywords = {"identity": identity[0]} if identity else {}
    return np.frompyfunc(called, taken, given, **keywords)


def reduce_calendar(calendar: Any, _writer: Writer) -> Reduction:
    """Reduce a calendar of business days."""
    return type(calendar), (calendar.weekmask, calendar.holidays)


REDUCERS: dict[type, Any] = {
    np.flatiter: reduce_flat,
    np.broadcast: reduce_broadcast,
    np.ufunc: reduce_function,
    np.busdaycalendar: reduce_calendar,
}
