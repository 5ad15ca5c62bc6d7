"""Signal handlers and interval timers of the program; ours are set by the runtime itself.

While the state is read no handler of the program may run: it would find our frames below it, and
what it raises (a timeout) would end in them. `hold` puts one of ours in each place, which notes
what comes; `release` gives the places back, and a thread of ours sends what came once more, as soon
as the main thread is in the program's code. What came before the end of the process that was
stopped is in the version.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found, unused-ignore]
import os
import signal
import sys
from _thread import allocate_lock, get_ident
from typing import TYPE_CHECKING, Any

from dartslurm.aside import begin_thread

if TYPE_CHECKING:
    from types import FrameType

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_NUMBERS = tuple(sorted(map(int, signal.valid_signals())))
_OURS = __name__.partition(".")[0]
_OWN_FOLDER = __file__.rpartition("/state/")[0] + "/"
_LIBRARY = ("<frozen", os.path.dirname(os.__file__) + "/")
_SHORTEST_SECONDS = 0.05
"""What a timer has left at a resume, at least: it must not ring before the program runs."""
_LOOK_SECONDS = 0.0005
_MOST_LOOKS = 20_000

_held: dict[int, Any] = {}
_came: list[int] = []


def hold() -> None:
    """Keep the program's handlers from running; in the main thread."""
    for number in _NUMBERS:
        handler = _signal.getsignal(number)
        if callable(handler) and not _is_ours(handler) and handler is not _noop():
            _held[number] = handler
            _signal.signal(number, _note)


def release() -> None:
    """Let them run again, also for what came meanwhile."""
    try:
        for number, handler in _held.items():
            if _signal.getsignal(number) is _note:
                _signal.signal(number, handler)
    finally:  # a handler may run, and raise, as soon as it has its place back
        _held.clear()
        if _came:
            begin_thread(_send, _came.copy(), get_ident())
            _came.clear()


def _note(number: int, _: FrameType | None) -> None:
    if number not in _came:
        _came.append(number)


def _send(numbers: list[int], main: int) -> None:
    """Send signals to the main thread once it is in the program's code."""
    pause = allocate_lock()
    pause.acquire()
    for _ in range(_MOST_LOOKS):
        if _runs_the_program(sys._current_frames().get(main)):
            break
        pause.acquire(timeout=_LOOK_SECONDS)
    for number in numbers:
        if callable(_signal.getsignal(number)):
            _signal.pthread_kill(main, number)


def _runs_the_program(frame: FrameType | None) -> bool:
    """Tell whose the innermost frame is that is not the standard library's."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARY) or "/site-packages/" in file:
            return not file.startswith(_OWN_FOLDER)
        frame = frame.f_back
    return True


def _noop() -> Any:
    """Return what asyncio sets: the loop hears by its descriptor, and must not hear twice."""
    return getattr(sys.modules.get("asyncio.unix_events"), "_sighandler_noop", _note)


def _is_ours(handler: Any) -> bool:
    return (getattr(handler, "__module__", None) or "").startswith(_OURS)


def collect() -> dict[str, Any]:
    """Return handlers set from Python, timers that run, and signals that wait."""
    handlers = {}
    for number in _NUMBERS:
        handler = _held.get(number, _signal.getsignal(number))
        if handler is not None and not _is_ours(handler) and _is_changed(number, handler):
            handlers[number] = handler if callable(handler) else int(handler)
    timers = {int(t): v for t in _TIMERS if (v := signal.getitimer(t)) != (0.0, 0.0)}
    return {"handlers": handlers, "timers": timers, "came": _came.copy()}


def _is_changed(number: int, handler: Any) -> bool:
    if number == signal.SIGINT:
        return handler is not signal.default_int_handler
    if number in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", -1)):
        return bool(handler != signal.SIG_IGN)
    return bool(handler != signal.SIG_DFL)


def restore(found: dict[str, Any]) -> None:
    """Set them again; a handler that is ours by now stays."""
    for number, handler in found["handlers"].items():
        if not _is_ours(_signal.getsignal(number)):
            signal.signal(number, handler)
    for timer, (delay, interval) in found["timers"].items():
        signal.setitimer(timer, max(delay or interval, _SHORTEST_SECONDS), interval)
    if found.get("came"):
        begin_thread(_send, found["came"], get_ident())
