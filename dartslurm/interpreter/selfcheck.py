"""Freeze and thaw a known function before the first capture.

If this interpreter's frames are not laid out as `layouts` says (a patched or future build), this
finds out in milliseconds, and capture stays off; nothing else of the package reads frames before.
"""

from __future__ import annotations

import _thread
import sys
from typing import Any

from dartslurm.interpreter.frames import address, generator_of, slot
from dartslurm.interpreter.generators import fill_generator, freeze_generator, shell_generator
from dartslurm.interpreter.gil import SWITCHES

_SECONDS = 10.0


def problem() -> str | None:
    """Return what is wrong with reading frames here, or ``None``."""
    try:
        return _check_frame() or _check_generator() or _check_switches()
    except Exception as error:
        return f"this interpreter's frames could not be read ({type(error).__name__}: {error})"


def _check_frame() -> str | None:
    marker = object()
    found: list[Any] = []

    def inner(first: object, second: object) -> object:
        frame = sys._getframe()
        base = address(frame)
        found.extend([slot(base, 0), slot(base, 1), slot(base, 2)])
        return frame

    frame = inner(marker, found)
    if found[0] is not marker or found[1] is not found or found[2] is not frame:
        return "the slots of a frame are not where they should be"
    return None


def _check_switches() -> str | None:
    ran = _thread.allocate_lock()
    ran.acquire()
    before = SWITCHES[0]
    _thread.start_new_thread(ran.release, ())
    ran.acquire(timeout=_SECONDS)
    return None if SWITCHES[0] > before else "the count of the GIL's switches was not found"


def _sample(start: int) -> Any:
    total = start
    for item in (1, 2, 3):
        got = yield total + item
        total += item * (got or 1)
    return total


def _check_generator() -> str | None:
    first = _sample(10)
    produced = [next(first), first.send(5)]
    if generator_of(first.gi_frame) is not first:
        return "a generator's frame is not inside it"
    plan, values = freeze_generator(first)
    second = shell_generator(plan)
    fill_generator(second, list(values))
    produced.append(second.send(7))
    try:
        second.send(1)
    except StopIteration as stop:
        produced.append(stop.value)
    return None if produced == [11, 17, 32, 32] else f"a rebuilt generator gave {produced}"
