"""Hold back SIGUSR1 and SIGTERM until the session can answer them.

Their default action ends the process. While the interpreter starts, imports and rebuilds a state
nobody could answer, so they are blocked; blocked signals wait, also across ``exec``, and are
delivered when `let_through` is called.
"""

from __future__ import annotations

import signal
from _thread import get_ident

from dartslurm.aside import NOTICES


def hold_back() -> None:
    """Let notices wait from now on."""
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, NOTICES)
    except Exception:  # then a notice in the next moments ends us, as it would without
        return


def let_through() -> None:
    """Deliver the notices that have waited."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NOTICES)


_masks: dict[int, set[signal.Signals | int]] = {}
"""Of each thread that forks now: what it blocked before."""


def hold_back_fork(numbers: list[signal.Signals]) -> None:
    """Let ``numbers`` wait while this thread forks, in the child too."""
    _masks[get_ident()] = set(signal.pthread_sigmask(signal.SIG_BLOCK, numbers))


def let_fork_through() -> None:
    """Deliver what has waited for a fork, in the parent or in the child."""
    mask = _masks.pop(get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
