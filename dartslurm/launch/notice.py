"""Hold back SIGUSR1 and SIGTERM until the session can answer them.

Their default action ends the process. While the interpreter starts, imports and rebuilds a state
nobody could answer, so they are blocked; blocked signals wait, also across ``exec``, and are
delivered when `let_through` is called.
"""

from __future__ import annotations

import signal

_NOTICES = (signal.SIGUSR1, signal.SIGTERM)


def hold_back() -> None:
    """Let notices wait from now on."""
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _NOTICES)
    except Exception:  # then a notice in the next moments ends us, as it would without
        return


def let_through() -> None:
    """Deliver the notices that have waited."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOTICES)
