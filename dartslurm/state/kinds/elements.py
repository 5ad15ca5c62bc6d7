"""Numpy's walks over the elements of arrays, and functions of the program made element-wise.

``a.flat`` (and ``ndenumerate`` over it) and ``broadcast`` are walked again to where they stood; an
array's elements may come later, the walk only counts. An ``nditer`` does not tell how it was made:
it is made again in each way that there is until one walks over the operands as it does. What
``frompyfunc`` makes, which ``vectorize`` keeps, says of itself that it lies in a module under its
function's name, and does not. Numpy's own functions hold a converter, with what it was given, while
they call the program's (``apply_along_axis``).

Source:
    ``NewNpyArrayIterObject`` in ``nditer_pywrap.c``, ``NPY_ITFLAG_*`` in ``nditer_impl.h``;
    ``PyArrayArrayConverterObject`` in ``array_converter.c`` (numpy 2.0 to 2.5).
"""

from __future__ import annotations

import gc
from collections import deque
from contextlib import suppress
from ctypes import c_uint32
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np

from dartslurm.state.memory import pointer_at, word_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_MADE = " (vectorized)"

_WALK, _STARTED = 16, 24
"""Offsets of the walk, and of whether it has begun and ended, in an ``nditer``."""
_INDEX, _MULTI_INDEX, _EXTERNAL_LOOP, _BUFFERED = 1 << 2, 1 << 3, 1 << 5, 1 << 7
_ANY_OPERAND = ("refs_ok", "zerosize_ok", "reduce_ok")
_CONVERTER: Any = None
_COUNT, _CONVERTED, _ITEM = 16, 48, 40
"""Where a converter has the number of things it was given, and the first; how far the next is."""
with suppress(AttributeError):  # before numpy 2.0
    _CONVERTER = np._core._multiarray_umath._array_converter  # type: ignore[attr-defined]


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


def reduce_nditer(walk: Any, writer: Writer) -> Reduction:
    """Reduce a walk over operands, unless it keeps some of their elements in a buffer."""
    if _flags(walk) & _BUFFERED:
        return writer.refuse(walk, "a buffered nditer of numpy")
    started = bool(word_at(walk, _STARTED) & 0xFF)
    operands, finished = walk.operands, walk.finished
    for options in _ways(walk):
        again = _made(operands, options)
        if again is not None and (finished or _walks_like(again, walk)):
            index = walk.itersize if finished else walk.iterindex
            return make_nditer, (operands, options, index, started, finished)
    return writer.refuse(walk, "an nditer of numpy that was made in a special way")


def make_nditer(
    operands: tuple[Any, ...], options: Any, index: int, started: bool, finished: bool
) -> Any:
    """Rebuild a walk over operands."""
    walk: Any = _made(operands, options)
    if finished:
        return _passed(walk, walk.itersize + 1)
    if "external_loop" in options[0]:
        while walk.iterindex < index:
            walk.iternext()
    else:
        walk.iterindex = index
    return _passed(walk, 1) if started else walk  # the first step does not move


def _flags(walk: Any) -> int:
    return c_uint32.from_address(word_at(walk, _WALK)).value if word_at(walk, _WALK) else _BUFFERED


def _ways(walk: Any) -> Any:
    """Yield the options with which it may have been made: flags, flags of operands, order."""
    found = _flags(walk)
    named = [name for bit, name in _NAMES.items() if found & bit]
    indices = ("c_index", "f_index") if found & _INDEX else ("",)
    operands = [["readwrite" if view.flags.writeable else "readonly"] for view in walk.itviews]
    for index, order in product(indices, "KCFA"):
        yield [*_ANY_OPERAND, *named, *filter(None, [index])], operands, order


def _made(operands: tuple[Any, ...], options: Any) -> Any:
    flags, of_operands, order = options
    try:
        return np.nditer(operands, flags, of_operands, order=order)
    except ValueError:
        return None


def _walks_like(walk: Any, other: Any) -> bool:
    if walk.itersize != other.itersize or walk.ndim != other.ndim:
        return False
    if not _flags(other) & _EXTERNAL_LOOP:
        walk.iterindex = other.iterindex
        if _flags(other) & _INDEX and walk.index != other.index:
            return False
        if _flags(other) & _MULTI_INDEX and walk.multi_index != other.multi_index:
            return False
    both = zip(walk.itviews, other.itviews, strict=True)
    return all(
        one.shape == two.shape and one.strides == two.strides and one.ctypes.data == two.ctypes.data
        for one, two in both
    )


_NAMES = {_MULTI_INDEX: "multi_index", _EXTERNAL_LOOP: "external_loop"}


def reduce_converter(converter: Any, writer: Writer) -> Reduction:
    """Reduce what numpy's functions take their arguments with."""
    probe: Any = [], np.zeros(1)
    if _given_to(_CONVERTER(*probe)) != probe:
        return writer.own(converter)
    return _CONVERTER, _given_to(converter)


def _given_to(converter: Any) -> tuple[Any, ...]:
    return tuple(
        pointer_at(converter, _CONVERTED + _ITEM * i) for i in range(word_at(converter, _COUNT))
    )


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
    np.nditer: reduce_nditer,
    **({_CONVERTER: reduce_converter} if _CONVERTER is not None else {}),
}
