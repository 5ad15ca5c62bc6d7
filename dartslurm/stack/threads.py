"""The stacks of the other threads: frozen beside the main one, and begun again in new threads.

`freeze_thread` gives the image of a thread that is at rest. In the new process `take_seats` starts
one operating-system thread for each, *before* the objects are loaded: only the thread itself can
make what the interpreter ties to it (its identity, and the lock that is released when it ends).
Each sits in `sit` until its continuation is there; `sit` is the frame below the thread's frames.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found, unused-ignore]
import _thread
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.aside import NOTICES
from dartslurm.errors import NotYetError
from dartslurm.stack.image import StackImage, find_links, freeze_stack
from dartslurm.stack.links import Blocked, Link
from dartslurm.stack.waits import link_waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_SECONDS = 60.0


def thread_frames(innermost: FrameType) -> list[FrameType]:
    """Return the frames of a thread, innermost first, down to the first that it ran."""
    found: list[FrameType] = []
    walk: FrameType | None = innermost
    while walk is not None and walk.f_code is not sit.__code__:
        found.append(walk)
        walk = walk.f_back
    return found


def thread_obstacle(
    frame: FrameType, is_waiting: bool, is_base: Callable[[FrameType], bool]
) -> tuple[str, FrameType | None]:
    """Tell why a thread cannot be frozen at its innermost ``frame``, "" when it can.

    The frame that comes with it changes nothing as long as it is on the stack.
    """
    frames = []
    walk: FrameType | None = frame
    while walk is not None and not is_base(walk):
        frames.append(walk)
        walk = walk.f_back
    try:
        found = link_waiting(frame) if is_waiting else None
        if not isinstance(found, Blocked):
            callers = find_links(frames)
            if not isinstance(callers, Blocked):
                return "", None
            found = callers
    except NotYetError as moved:
        return str(moved), None
    return f"{found.reason} in {found.frame.f_code.co_qualname}", found.callee


def freeze_thread(
    ident: int, innermost: FrameType, is_waiting: bool, left_seconds: float | None
) -> StackImage | Blocked:
    """Freeze another thread, which is parked before a line or waits inside a C call."""
    waiting: Link | None = None
    if is_waiting:
        made = link_waiting(innermost, left_seconds)
        if isinstance(made, Blocked):
            return made
        waiting = made
    found: Any = sys._current_exceptions().get(ident)
    exception = found[1] if type(found) is tuple else found
    return freeze_stack(thread_frames(innermost), waiting, exception)


class Seat:
    """One new thread that is to become a thread of the program.

    ``end`` is what `threading` waits on when it joins the thread: a lock up to 3.12, a handle
    from 3.13 on.
    """

    __slots__ = ("acts", "end", "go", "ident", "native_id", "ready", "start")

    def __init__(self) -> None:
        self.ready, self.go = _thread.allocate_lock(), _thread.allocate_lock()
        self.ready.acquire()
        self.go.acquire()
        self.ident = self.native_id = 0
        self.end: Any = None
        self.acts: list[Callable[[], None]] = []
        self.start: Callable[[], Any] | None = None


def take_seats(daemons: list[bool]) -> list[Seat]:
    """Start a thread for each entry (whether it is a daemon); all of them wait."""
    seats = []
    for daemon in daemons:
        seat = Seat()
        if hasattr(_thread, "_ThreadHandle"):
            start: Any = _thread.start_joinable_thread  # type: ignore[attr-defined, unused-ignore]
            seat.end = start(partial(sit, seat), daemon=daemon)
        else:
            _thread.start_new_thread(sit, (seat,))
        seat.ready.acquire(timeout=_SECONDS)
        seats.append(seat)
    return seats


def fill_seats(seats: list[Seat], starts: list[Callable[[], Any]]) -> None:
    """Give each thread its continuation; it does its `Seat.acts` at once, and waits again."""
    for seat, start in zip(seats, starts, strict=True):
        seat.start = start
        seat.go.release()
        seat.ready.acquire(timeout=_SECONDS)


def release_seats(seats: list[Seat]) -> None:
    """Let all threads go on."""
    for seat in seats:
        seat.go.release()


def sit(seat: Seat) -> None:
    """Wait for the continuation and run it: the frame below all frames of the thread."""
    if seat.end is None and hasattr(_thread, "_set_sentinel"):
        seat.end = _thread._set_sentinel()
        seat.end.acquire()
    seat.ident, seat.native_id = _thread.get_ident(), _thread.get_native_id()
    seat.ready.release()
    seat.go.acquire()
    while seat.acts:
        seat.acts.pop(0)()
    seat.ready.release()
    seat.go.acquire()
    # A C function: a Python one would be a frame above this one, and looks like the program's.
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, NOTICES)
    start, seat.start = [seat.start], None
    del seat
    start.pop()()  # type: ignore[misc]
