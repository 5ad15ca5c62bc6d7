"""Our frames below the program's outermost one are there, and nobody sees them.

Plainly started, the outermost frame of a script has no caller: ``sys._getframe(1)`` fails, a
printed stack begins with the script, and the recursion limit leaves the program all but one level.
`alone` calls the program like that. The interpreter passes over frames that it takes for
*incomplete*, everywhere: ``f_back``, ``sys._getframe``, ``sys._current_frames``. While the program
runs, ours look incomplete; before any of them goes on they are as they were.

How a frame is made to look so:

* From 3.13 on a frame that is owned by the C stack is incomplete. Nobody asks for the owner of a
  frame before it returns, and `alone` gives it back before.
* Until 3.12 one whose last instruction lies before the first that is traced. A frame that waits for
  a Python function goes on behind that word, so it too is put back in time. `alone` itself writes
  the word with every instruction; its *code* says instead that no instruction is traced.

Whatever is not laid out as expected leaves our frames visible; nothing else depends on them.

Source:
    ``_PyFrame_IsIncomplete`` in ``pycore_frame.h``; ``PyCodeObject`` in ``cpython/code.h``;
    ``recursion_remaining`` in ``cpython/pystate.h``.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from dartslurm.errors import is_ours
from dartslurm.interpreter.frames import address
from dartslurm.interpreter.gil import thread_state
from dartslurm.interpreter.layouts import LAYOUT, OWNED_BY_C_STACK

if TYPE_CHECKING:
    from collections.abc import Callable

_NEVER = 1 << 24
_STATE_BYTES = 256
_OWNED_BY_ITSELF = 2
"""``FRAME_OWNED_BY_FRAME_OBJECT`` of 3.11: it has ended."""

active: list[bool] = []
"""Not empty while the program runs with our frames hidden."""


def alone(program: Callable[[], Any]) -> Any:
    """Run ``program`` as if nothing had called it."""
    levels = 0
    changes: list[tuple[Any, int, int]] = []
    try:
        levels = _levels(program)
        changes = _changes(sys._getframe())
        active.append(True)
    except BaseException as error:  # then the program sees our frames, and runs
        if not is_ours(error):
            raise
        changes = []
    try:
        for word, _, hidden in changes:
            word.value = hidden
        return program()
    finally:
        try:
            _put_back(changes)
            _give_back(levels)
            if LAYOUT.keeps_way_down:
                _cut_ways_down()
        except BaseException as error:  # a Ctrl-C: a frame that is left so would end the process
            _put_back(changes)
            if not is_ours(error):
                raise


def _put_back(changes: list[tuple[Any, int, int]]) -> None:
    for word, value, _ in changes:
        word.value = value
    active.clear()


def _cut_ways_down() -> None:
    """Let no frame of the program that has ended lead to ours, whose place others take now.

    When a frame ends that somebody holds, the interpreter turns its way down into a reference to
    the frame there, but for one that has none below but hidden ones: it would go on to point at
    them, and ``f_back`` to follow that.
    """
    for obj in gc.get_objects():
        if type(obj) is FrameType:
            place = address(obj)
            owner = ctypes.c_ubyte.from_address(place + LAYOUT.owner)
            if owner.value == _OWNED_BY_ITSELF:
                ctypes.c_size_t.from_address(place + LAYOUT.previous).value = 0


def _changes(frame: FrameType | None) -> list[tuple[Any, int, int]]:
    """Return the words that make ``frame`` and all below look incomplete: now, and hidden.

    The code of `alone` runs by now. Before would be too soon: 3.12 instruments a code from its
    first traced instruction on.
    """
    last, first = LAYOUT.last_instruction, LAYOUT.first_traced
    found: list[tuple[Any, int, int]] = []
    if first is not None:
        word: Any = ctypes.c_int.from_address(id(alone.__code__) + first)
        found.append((word, word.value, _NEVER))
    while frame is not None:
        if last is None:
            word = ctypes.c_ubyte.from_address(address(frame) + LAYOUT.owner)
            found.append((word, word.value, OWNED_BY_C_STACK))
        elif frame.f_code is not alone.__code__:
            word = ctypes.c_size_t.from_address(address(frame) + last)
            found.append((word, word.value, 0))
        frame = frame.f_back
    return found


def _counter() -> Any:
    """Return the word of this thread that counts the levels left to the recursion limit."""
    limit = sys.getrecursionlimit()
    words = (ctypes.c_int * (_STATE_BYTES // 4)).from_address(thread_state())
    found = [
        at for at in range(len(words) - 1) if words[at + 1] == limit and 0 < words[at] <= limit
    ]
    before = [words[at] for at in found]
    sys.setrecursionlimit(limit + 1)
    try:
        good = [at for at, left in zip(found, before, strict=True) if words[at] == left + 1]
    finally:
        sys.setrecursionlimit(limit)
    return ctypes.c_int.from_address(thread_state() + 4 * good[0]) if len(good) == 1 else None


def _levels(start: Callable[[], Any]) -> int:
    """Give the program the levels that our frames have taken; return how many.

    The outermost frame of a program uses one. What it would use now is seen by calling a sample in
    the same way.
    """
    counter = _counter()
    if counter is None:
        return 0
    seen: list[int] = []
    sample: Any = lambda: seen.append(counter.value)  # noqa: E731
    if isinstance(start, partial):
        names = {"seen": seen, "counter": counter}
        code = compile("seen.append(counter.value)", __file__, "exec")
        runs_code = start.func in (exec, eval)
        sample = partial(start.func, code, names) if runs_code else partial(sample)
    sample()
    levels: int = sys.getrecursionlimit() - 2 - seen[0]  # the sample was called one level deeper
    counter.value += levels
    return levels


def _give_back(levels: int) -> None:
    counter = _counter() if levels else None
    if counter is not None:
        counter.value -= levels
