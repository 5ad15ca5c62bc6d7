"""At rest: the other threads of the program, while a version is taken.

A version with several threads is one consistent state only if none of them runs meanwhile. A
thread is at rest in one of two ways:

* *Parked*: at a line event it waits in our callback until the version is taken.
* *Waiting*: it is inside a C call that can be executed once more (`stack.waits`), and the kernel
  says so. A thread that has got its lock and only wants the GIL back would run at our next
  system call; so would one whose sleep is about to end. Both are told from a real wait by the
  system call, the word it waits on and its deadline.

A waiting thread may still come back while the state is read (its time is up). Line events stay
on, so it is held at its next line; it has *stirred*, and the version is not kept.

Threads that serve an object of a library are begun anew instead of going on. Wherever they have
nothing half done they may stand; they are held at their next line, and may do so during the read.

Everything is bounded: the search for rest by a limit, the parking by the capture, whose ``finally``
lets all go on. Threads of ours do not count, nor do those of C libraries, which have no frame.

Source:
    ``/proc/self/task/TID/syscall``, proc(5); ``futex(2)``; ``nptl/sem_waitcommon.c`` of glibc.
"""

from __future__ import annotations

import ctypes
import os
import sys
from _thread import LockType, allocate_lock, get_ident
from struct import unpack
from time import CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, monotonic
from typing import TYPE_CHECKING, NamedTuple

from dartslurm.errors import NotYetError
from dartslurm.interpreter.frames import address, slot
from dartslurm.interpreter.gil import RUNTIME_END, RUNTIME_START, unmoved
from dartslurm.interpreter.words import own_bytes, read_at_once
from dartslurm.safepoint.events import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from dartslurm.safepoint.events import MonitoringEvents, TraceEvents
    from dartslurm.safepoint.request import Request

_PERIODIC_SECONDS, _FINAL_SECONDS = 0.05, 5.0
_LOOK_SECONDS = 0.0005
_LONGEST_SECONDS = 120.0
_LEAST_LEFT_SECONDS, _MOST_LEFT_SECONDS = 0.01, 0.2

_CALLS = {
    "x86_64": {202: "futex", 230: "sleep", 232: "epoll", 281: "epoll", 441: "poll", 7: "poll",
               271: "poll", 23: "poll", 270: "poll"},
    "aarch64": {98: "futex", 115: "sleep", 22: "epoll", 441: "poll", 73: "poll", 72: "poll"},
}.get(os.uname().machine, {})  # fmt: skip
_REALTIME, _WAIT_BITSET = 256, 9


class Wait(NamedTuple):
    """A thread waits in the kernel; ``left_seconds`` of its timeout, ``None`` for no known end."""

    left_seconds: float | None


class Resting(NamedTuple):
    """One thread at rest: its program's innermost frame, and its wait (``None``: it is parked)."""

    frame: FrameType
    wait: Wait | None
    lasti: int


def kernel_wait(native_id: int) -> Wait | None:
    """Tell whether a thread waits in the kernel, not for the GIL, and for how long."""
    words = read_at_once(b"/proc/self/task/%d/syscall" % native_id, 255).split()
    if len(words) < 7:
        return None  # "running"
    arguments = [int(word, 16) for word in words[1:7]]
    kind = _CALLS.get(int(words[0]))
    if kind == "futex":
        return _futex(arguments)
    if kind == "sleep":
        absolute = arguments[1] & 1
        return Wait(_left(arguments[2], realtime=arguments[0] == 0) if absolute else None)
    if kind == "epoll":
        timeout = ctypes.c_int(arguments[3] & 0xFFFFFFFF).value
        return Wait(timeout / 1000 if timeout >= 0 else None)
    return Wait(None) if kind == "poll" else None


def _futex(arguments: list[int]) -> Wait | None:
    address, operation, _, timeout = arguments[:4]
    if RUNTIME_START <= address < RUNTIME_END or operation & 0x7F not in (0, _WAIT_BITSET):
        return None
    value = own_bytes(address, 4)
    if value is None or any(value):
        return None  # it has been woken already
    if not timeout or operation & 0x7F != _WAIT_BITSET:
        return Wait(None)
    return Wait(_left(timeout, realtime=bool(operation & _REALTIME)))


def _left(address: int, *, realtime: bool) -> float:
    found = own_bytes(address, 16)
    if found is None:
        return 0.0  # the thread has ended
    seconds, nanoseconds = unpack("qq", found)
    # The kernel's own clock: `monotonic` may go on from another value (`interpreter.clocks`).
    now = clock_gettime(CLOCK_REALTIME if realtime else CLOCK_MONOTONIC)
    return float(seconds + nanoseconds / 1e9 - now)


class Rest:
    """Brings the other threads to rest for the time of one capture."""

    def __init__(
        self,
        is_base: Callable[[FrameType], bool],
        obstacle: Callable[[FrameType, Wait | None], tuple[str, FrameType | None]],
        native_ids: Callable[[], dict[int, int]],
        service: Callable[[int, FrameType, bool], str | None] = lambda *_: None,
    ) -> None:
        """Take ``obstacle``, which tells why a thread cannot be frozen ("" when it can).

        With the reason comes the frame that has to return first. ``service`` tells whether a thread
        serves an object, and then why it has to be waited for ("" when it need not be).
        """
        self._is_base = is_base
        self.obstacle = obstacle
        self._native_ids = native_ids
        self._service = service
        self._parked: dict[int, FrameType] = {}
        self._holds: list[LockType] = []
        self._blocked: dict[int, tuple[int, list[CodeType]]] = {}
        self._main = get_ident()
        self._gathering = False
        self._reading = False
        self._stirred = False
        self.events: TraceEvents | MonitoringEvents | None = None
        self.found: dict[int, Resting] = {}
        """The threads at rest, by identity, once `gather` has succeeded."""
        self.services: dict[int, FrameType] = {}
        """Those that serve an object: they are not frozen."""

    @property
    def gathering(self) -> bool:
        """Whether a capture needs the other threads at rest."""
        return self._gathering

    def others(self) -> dict[int, FrameType]:
        """Return the innermost frame of every other thread that runs code of the program."""
        frames = sys._current_frames()
        frames.pop(get_ident(), None)
        frames.pop(self._main, None)
        return {ident: frame for ident, frame in frames.items() if not self._is_ours(frame)}

    def _is_ours(self, frame: FrameType) -> bool:
        walk = frame
        while walk.f_back is not None:
            if self._is_base(walk):
                return False
            walk = walk.f_back
        return walk.f_code.co_filename.startswith(OWN_FOLDER) and not self._is_base(walk)

    def gather(self, request: Request, pause_seconds: float) -> str:
        """Bring the others to rest; return why it did not succeed, or "".

        ``pause_seconds`` is what a capture is expected to take: who wakes up in less is waited for.
        """
        self.release()
        if not self.others() and not _starting(()):
            return ""
        self._stirred = False
        self._gathering = True
        margin = min(_MOST_LEFT_SECONDS, max(_LEAST_LEFT_SECONDS, 2 * pause_seconds))
        limit = monotonic() + (_FINAL_SECONDS if request.is_final else _PERIODIC_SECONDS + margin)
        pause = allocate_lock()
        pause.acquire()
        while reason := self.settle(margin):
            if monotonic() > limit:
                return reason
            pause.acquire(timeout=_LOOK_SECONDS)
        return ""

    def settle(self, margin: float = 0.0) -> str:
        """Look once; return who is not at rest."""
        if not self._gathering:
            return ""
        try:
            with unmoved():
                return self._look(margin)
        except NotYetError as moved:
            return str(moved)

    def _look(self, margin: float) -> str:
        others = self.others()
        reason = self.events.arm_others(others) if self.events is not None else ""
        reason = reason or _starting(others.values())
        native_ids = self._native_ids()
        self.services = {}
        for ident, frame in list(others.items()):
            waits = kernel_wait(native_ids.get(ident, 0)) is not None
            standing = self._service(ident, frame, waits)
            if standing is not None:
                self.services[ident] = others.pop(ident)
                reason = reason or standing
        # Who came first goes on first, here and in the new process.
        self.found = {
            ident: Resting(frame, None, frame.f_lasti)
            for ident, frame in self._parked.items()
            if ident in others
        }
        running = set()
        for ident in others.keys() - self.found.keys():
            frame = others[ident]
            wait = kernel_wait(native_ids.get(ident, 0))
            if wait is None or frame.f_code.co_filename.startswith(OWN_FOLDER):
                running.add(ident)
                reason = reason or f"a thread runs in {frame.f_code.co_qualname}"
            elif wait.left_seconds is not None and wait.left_seconds < margin:
                reason = reason or f"a thread wakes up soon in {frame.f_code.co_qualname}"
            else:
                reason = reason or self.obstacle(frame, wait)[0]
                self.found[ident] = Resting(frame, wait, frame.f_lasti)
        if running and self.events is not None:
            codes = [code for ident in running for code in self._blocked.get(ident, (0, ()))[1]]
            self.events.narrow_others(codes if running <= self._blocked.keys() else [])
        return reason

    def read(self) -> None:
        """From now on a thread that comes back from its call spoils the version."""
        self._reading = True

    def stirred(self) -> bool:
        """Tell whether a thread has moved since `read`."""
        now = sys._current_frames() if self.found else {}
        return self._stirred or any(
            one.wait is not None
            and (now.get(ident) is not one.frame or one.frame.f_lasti != one.lasti)
            for ident, one in self.found.items()
        )

    def release(self) -> None:
        """Let everyone go on."""
        self._gathering = self._reading = False
        for hold in self._holds:
            hold.release()
        self._holds, self._parked, self.found, self.services = [], {}, {}, {}
        self._blocked.clear()
        if self.events is not None:
            self.events.disarm_others()

    def on_line(self, frame: FrameType) -> None:
        """Park this thread, which is not the main one, if that is wanted."""
        if not self._gathering or frame.f_code.co_filename.startswith(OWN_FOLDER):
            return
        if self._is_ours(frame):
            return
        standing = self._service(get_ident(), frame, False)
        if standing is not None:
            if self._reading or not standing:
                self._park(frame)
            return
        if self._reading:
            self._stirred = True
        elif self._is_blocked(frame):
            return
        self._park(frame)

    def is_blocked_here(self) -> bool:
        """Tell whether this thread has a C function to return from first."""
        return get_ident() in self._blocked

    def _is_blocked(self, frame: FrameType) -> bool:
        known = self._blocked.get(get_ident())
        walk: FrameType | None = frame
        while known is not None and walk is not None:
            if id(walk) == known[0]:
                return True
            walk = walk.f_back
        self._blocked.pop(get_ident(), None)
        reason, callee = self.obstacle(frame, None)
        if reason and callee is not None:
            below, walk = [], callee.f_back
            while walk is not None and not self._is_base(walk):
                below.append(walk.f_code)
                walk = walk.f_back
            self._blocked[get_ident()] = id(callee), below
            if self.events is not None:
                self.events.hush(frame, callee)
        return bool(reason)

    def _park(self, frame: FrameType) -> None:
        ident, parked, hold = get_ident(), self._parked, allocate_lock()
        hold.acquire()
        self._holds.append(hold)
        if self._gathering:
            parked[ident] = frame
            try:
                hold.acquire(timeout=_LONGEST_SECONDS)
            finally:
                parked.pop(ident, None)


def _starting(frames: object) -> str:
    """Tell of a thread that has been started and has no frame yet."""
    threading = sys.modules.get("threading")
    limbo = getattr(threading, "_limbo", None)
    if not limbo:
        return ""
    begun = {_bottom_self(frame) for frame in frames}  # type: ignore[attr-defined]
    return "" if all(id(thread) in begun for thread in limbo) else "a thread is being started"


def _bottom_self(frame: FrameType) -> int:
    walk: FrameType | None = frame
    found = 0
    while walk is not None:
        if walk.f_code.co_name == "_bootstrap":
            found = id(slot(address(walk), 0))
        walk = walk.f_back
    return found
