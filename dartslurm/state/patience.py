"""An end for reductions that do not end: a class's own ``__reduce__`` may loop, sleep or wait.

Takes the code object under which objects are reduced; while a graph is walked, a timer of the
kernel looks once a second whether it is still the same object's turn. After `SECONDS` the reduction
is cut short by `Impatient`, which only the walk catches, and other instances of the class are not
asked any more.

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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

SECONDS = 30.0
_LOOK_SECONDS = 1.0
_CLOCK_MONOTONIC = 1
_SIGEV_THREAD_ID = 4

too_slow: set[tuple[str, str]] = set()
"""Classes (module, name) whose own reduction has been cut short."""


class Impatient(BaseException):
    """Cuts a reduction short; no ``except Exception`` of the program swallows it."""


class _Watch:
    """Sees the same object's reduction on the stack again and again."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._turn: tuple[int, int] | None = None
        self._since = 0.0

    def look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        turn = None if frame is None else (id(frame), id(frame.f_locals["obj"]))
        if turn is None or turn != self._turn:
            self._turn, self._since = turn, monotonic()
        elif monotonic() - self._since > SECONDS:
            raise Impatient(f"its reduction took more than {SECONDS:g} seconds")


@contextmanager
def patience(code: CodeType) -> Iterator[None]:
    """Cut short what takes too long below a frame of ``code``, which names the object ``obj``."""
    number = _free_signal()
    library = ctypes.CDLL(None)
    if number is None or not hasattr(library, "timer_create"):
        yield
        return
    timer = ctypes.c_void_p()
    event = struct.pack("QiiI44x", 0, number, _SIGEV_THREAD_ID, get_native_id())
    if library.timer_create(_CLOCK_MONOTONIC, event, ctypes.byref(timer)):
        yield
        return
    before = signal.signal(number, _Watch(code).look)
    look = min(_LOOK_SECONDS, SECONDS / 4)
    times = struct.pack("qqqq", *divmod(int(look * 1e9), 10**9) * 2)
    try:
        library.timer_settime(timer, 0, times, None)
        yield
    finally:
        library.timer_delete(timer)
        signal.signal(number, before)


def _free_signal() -> Any:
    """Return a real-time signal that nobody has taken (only the main thread may set one)."""
    if threading.current_thread() is not threading.main_thread():
        return None
    for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
        if signal.getsignal(number) is signal.SIG_DFL:
            return number
    return None
