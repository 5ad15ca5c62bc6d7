"""How a program ends: its own way, or stopped after its last version.

The interpreter must treat an uncaught exception as if it had run the program itself: same
traceback, same exit code. And an exit code must be in the store before the process is gone.
"""

from __future__ import annotations

import sys
from ctypes import CDLL
from os import _exit
from typing import TYPE_CHECKING, Any

from dartslurm.launch.program import is_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


def exit_code_of(error: BaseException | None) -> int:
    """Return the code with which Python ends after ``error`` left the program."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        code = error.code
        if code is None:
            return 0
        return code & 0xFF if isinstance(code, int) else 1
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def hide_our_frames(error: BaseException) -> None:
    """Cut the frames below the program off the traceback, also where the hook shows it."""
    trimmed = _above_base(error.__traceback__)
    error.__traceback__ = trimmed
    hook = sys.excepthook

    def show(kind: type[BaseException], value: BaseException, _: TracebackType | None) -> Any:
        sys.excepthook = hook
        if value is error:
            value.__traceback__ = trimmed
        return hook(kind, value, trimmed)

    if not isinstance(error, SystemExit):
        sys.excepthook = show


def _above_base(traceback: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that belongs to the program."""
    kept = walk = traceback
    while walk is not None:
        if is_base(walk.tb_frame):
            kept = walk.tb_next
        walk = walk.tb_next
    return kept


def flush_streams() -> None:
    """Write out what Python and the C library still hold for the standard streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    try:
        CDLL(None).fflush(None)
    except OSError:
        pass


def attempt_twice(act: Callable[[], object]) -> BaseException | None:
    """Do one thing at the program's end; return why it failed, twice.

    A Ctrl-C at this point comes too late for the program, and memory may be short for a moment.
    """
    try:
        act()
    except BaseException:
        pass
    else:
        return None
    try:
        act()
    except BaseException as error:
        return error
    return None


def leave_at_once(code: int, before: Callable[[], None], last: Callable[[], None]) -> None:
    """End the process without running the program's own clean-up: it will go on later."""
    before()
    flush_streams()
    attempt_twice(last)
    _exit(code)
