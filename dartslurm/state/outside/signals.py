"""Signal handlers and interval timers of the program; ours are set by the runtime itself."""

from __future__ import annotations

import signal
from typing import Any

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_OURS = __name__.partition(".")[0]


def collect() -> dict[str, Any]:
    """Return handlers set from Python, and timers that run."""
    handlers = {}
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        module = getattr(handler, "__module__", None) or ""
        if handler is not None and not module.startswith(_OURS) and _is_changed(number, handler):
            handlers[int(number)] = handler if callable(handler) else int(handler)
    timers = {int(t): v for t in _TIMERS if (v := signal.getitimer(t)) != (0.0, 0.0)}
    return {"handlers": handlers, "timers": timers}


def _is_changed(number: int, handler: Any) -> bool:
    if number == signal.SIGINT:
        return handler is not signal.default_int_handler
    if number in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", -1)):
        return bool(handler != signal.SIG_IGN)
    return bool(handler != signal.SIG_DFL)


def restore(found: dict[str, Any]) -> None:
    """Set them again; a handler that is ours by now stays."""
    for number, handler in found["handlers"].items():
        current = signal.getsignal(number)
        if not (getattr(current, "__module__", None) or "").startswith(_OURS):
            signal.signal(number, handler)
    for timer, (delay, interval) in found["timers"].items():
        signal.setitimer(timer, delay or interval, interval)
