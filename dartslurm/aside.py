"""Threads of ours in the program's process: they hear nothing that is meant for the program.

A signal that the main thread has blocked is given to any thread that has not; one of ours would
let the handler run early, or take what the program waits for. The notices of the end stay open:
they are ours to hear, even where the program has blocked them.
"""

from __future__ import annotations

from _thread import start_new_thread
from ctypes import PyDLL, create_string_buffer
from signal import (
    SIG_BLOCK,
    SIG_SETMASK,
    SIGBUS,
    SIGFPE,
    SIGILL,
    SIGSEGV,
    SIGTERM,
    SIGUSR1,
    valid_signals,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NOTICES = (SIGUSR1, SIGTERM)
"""How a scheduler tells that the end is near: USR1 to stop and go on later, TERM to end."""

_SET_BYTES = 128
"""Size of ``sigset_t`` in glibc and musl; signal n is bit n - 1."""

_NOT_OURS = sum(
    1 << number - 1 for number in valid_signals() - {*NOTICES, SIGSEGV, SIGBUS, SIGFPE, SIGILL}
).to_bytes(_SET_BYTES, "little")

_mask = PyDLL(None).pthread_sigmask
"""Not that of `signal`, which would run the program's handlers here."""


def begin_thread(act: Callable[..., object], *args: Any) -> None:
    """Begin a thread, of which ``threading`` does not know.

    Raises:
        RuntimeError: if the system gives none.
    """
    before = create_string_buffer(_SET_BYTES)
    _mask(SIG_BLOCK, _NOT_OURS, before)  # a thread begins with the mask of who made it
    try:
        start_new_thread(act, args)
    finally:
        _mask(SIG_SETMASK, before, None)
