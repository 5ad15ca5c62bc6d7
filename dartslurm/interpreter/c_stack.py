"""Find what a running C function holds: the list that ``list(generator)`` is filling, an iterator.

Takes the frame that a C function called; gives the objects of one type to which only that C
function has a reference. The C function's own frames lie on the thread's C stack between two
evaluation loops, whose places are known; a pointer to the object is among the words there.

The invariant: nothing is returned that anybody else could reach. A word is followed only into
memory that is mapped, and only if it leads to an object of the wanted type with exactly one
reference, which no object known to the garbage collector holds.

Source:
    ``_PyCFrame`` in ``Include/cpython/pystate.h`` (3.11); ``entry_frame`` in ``Python/ceval.c``
    (3.12 and 3.13).
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from ctypes import c_ssize_t, cast, py_object, string_at
from struct import pack
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import slot_count
from dartslurm.interpreter.frames import address, entry_below
from dartslurm.interpreter.gil import thread_state
from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.interpreter.words import areas, word

if TYPE_CHECKING:
    from types import FrameType

_LARGEST_SPAN = 1 << 20
_CURRENT_FRAME, _PREVIOUS = 8, 16
"""Offsets in ``_PyCFrame`` of 3.11."""


def held_by_c(inner: FrameType, kind: type) -> list[Any]:
    """Return the objects of exactly ``kind`` that only the C function below ``inner`` holds."""
    low, high = span(inner)
    if not 0 < high - low < _LARGEST_SPAN:
        return []
    words = (c_ssize_t * ((high - low) // 8)).from_address(low)
    starts, ends = _mapped("rw")
    found = []
    for place in sorted(set(words)):
        index = bisect_right(starts, place) - 1
        if place & 7 or index < 0 or place + 16 > ends[index]:
            continue
        if c_ssize_t.from_address(place).value == 1 and word(place + 8) == id(kind):
            found.append(cast(place, py_object).value)
    in_frames = _words_of_frames(inner)
    alone = [one for one in found if id(one) not in in_frames and not _is_reachable(one, found)]
    if len(alone) < 2:
        return alone
    # What a C function further down holds may have left its address up here: it stands there too.
    base = next(end for start, end in zip(starts, ends, strict=True) if start <= high < end)
    below = string_at(high, base - high)
    return [one for one in alone if pack("P", id(one)) not in below]


def _words_of_frames(inner: FrameType) -> set[int]:
    """Return the slots of all frames from ``inner`` down: the collector does not see into them."""
    slots: set[int] = set()
    walk: FrameType | None = inner
    while walk is not None:
        start, code = address(walk) + LAYOUT.localsplus, walk.f_code
        count = slot_count(code) + code.co_stacksize
        slots.update((c_ssize_t * count).from_address(start))
        walk = walk.f_back
    return slots


def _is_reachable(one: Any, found: list[Any]) -> bool:
    return any(holder is not found for holder in gc.get_referrers(one))


def span(inner: FrameType) -> tuple[int, int]:
    """Return the addresses on the C stack of the loop that runs ``inner`` and of the one below."""
    if LAYOUT.c_frame is None:
        low = entry_below(address(inner))
        return low, entry_below(low)
    caller = inner.f_back
    if caller is None:
        return 0, 0
    wanted = address(caller)
    low, here = 0, word(thread_state() + LAYOUT.c_frame)
    while here and word(here + _CURRENT_FRAME) != wanted:
        low, here = here, word(here + _PREVIOUS)
    return (low, here) if low else (0, 0)


def executable(place: int) -> bool:
    """Tell whether ``place`` is an address in code: a return address, perhaps."""
    if not _code:
        _code.extend(_mapped("r-x"))
    starts, ends = _code
    index = bisect_right(starts, place) - 1
    return index >= 0 and place < ends[index]


_code: list[list[int]] = []
"""Where code lay when it was first asked for: the interpreter's own does not move."""


def _mapped(rights: str) -> tuple[list[int], list[int]]:
    """Return where memory with these ``rights`` starts and ends, in ascending order."""
    chosen = [one for one in areas() if one.rights.startswith(rights)]
    return [one.start for one in chosen], [one.end for one in chosen]
