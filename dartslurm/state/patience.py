"""An end for reductions that do not end: a class's own ``__reduce__`` may loop, sleep or wait.

Takes the code object under which objects are reduced; while a graph is walked, a timer of the
kernel looks once a second whether it is still the same object's turn. After `SECONDS` the reduction
is cut short by `Impatient`, which only the walk catches, and other instances of the class are not
asked any more. The walk as a whole has a limit too: a program whose objects are slow one by one
must not stand still for minutes. The version is given up, and the next one, which the trigger puts
off by what this one has cost, may take twice as long.

Ways that do not work: a thread (while the state is read no other thread may run), ``setitimer``
(the program's own timers), tracing (the walk happens inside a line event, where nothing is traced).
So: ``timer_create`` with a real-time signal that the program does not use, sent to this thread
alone, so that no other thread's system call is interrupted.
"""

from __future__ import annotations

import ctypes
import signal
import struct
import threading
from _thread import get_native_id
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from dartslurm.errors import UncapturableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

SECONDS = 30.0
WALK_SECONDS = 60.0
_MOST_TIMES = 16
_LOOK_SECONDS = 1.0
_CLOCK_MONOTONIC = 1
_SIGEV_THREAD_ID = 4

too_slow: set[tuple[str, str]] = set()
"""Classes (module, name) whose own reduction has been cut short."""


class Impatient(BaseException):
    """Cuts a reduction short; no ``except Exception`` of the program swallows it."""


class _Watch:
    """Sees the same object's reduction on the stack again and again.

    The signal stays ours once taken, and between captures its handler does nothing: a timer that
    could not be stopped must not end the program.
    """

    def __init__(self) -> None:
        self.code: CodeType | None = None
        self.number = 0
        self._turn: tuple[int, int] | None = None
        self._since = 0.0
        self._begun = 0.0
        self._times = 1
        self._late = False

    def begin(self, code: CodeType) -> None:
        """Watch a walk."""
        if self._late:
            self._times = min(2 * self._times, _MOST_TIMES)
        self._begun, self._turn, self._late, self.code = monotonic(), None, False, code

    def look(self, _: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if self.code is None:
            return
        if monotonic() - self._begun > WALK_SECONDS * self._times:
            self._late = True
            raise UncapturableError(
                "walking over the program's objects took more than "
                f"{WALK_SECONDS * self._times:g} seconds",
                remedy="the next version, which comes later, may take twice as long",
            )
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        turn = None if frame is None else (id(frame), id(frame.f_locals["obj"]))
        if turn is None or turn != self._turn:
            self._turn, self._since = turn, monotonic()
        elif monotonic() - self._since > SECONDS:
            raise Impatient(f"its reduction took more than {SECONDS:g} seconds")

    def take_signal(self) -> bool:
        """Take a real-time signal that nobody has (only the main thread may)."""
        if threading.current_thread() is not threading.main_thread():
            return False
        if self.number and signal.getsignal(self.number) == self.look:
            return True
        for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self.look)
                self.number = number
                return True
        return False


_watch = _Watch()


@contextmanager
def patience(code: CodeType) -> Iterator[None]:
    """Cut short what takes too long below a frame of ``code``, which names the object ``obj``."""
    timer = ctypes.c_void_p()
    library = ctypes.CDLL(None)
    if not _start(library, timer):
        yield
        return
    _watch.begin(code)
    try:
        yield
    finally:
        _watch.code = None
        try:
            library.timer_delete(timer)
        except BaseException:  # a Ctrl-C in this very moment
            library.timer_delete(timer)
            raise


def _start(library: ctypes.CDLL, timer: ctypes.c_void_p) -> bool:
    if not hasattr(library, "timer_create") or not _watch.take_signal():
        return False
    event = struct.pack("QiiI44x", 0, _watch.number, _SIGEV_THREAD_ID, get_native_id())
    if library.timer_create(_CLOCK_MONOTONIC, event, ctypes.byref(timer)):
        return False
    look = min(_LOOK_SECONDS, SECONDS / 4)
    times = struct.pack("qqqq", *divmod(int(look * 1e9), 10**9) * 2)
    return not library.timer_settime(timer, 0, times, None)
