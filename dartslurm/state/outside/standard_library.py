"""Settings of modules of the standard library that a program changes by a call.

Such a call binds a name inside the module itself, which looks no different from a module that
fills itself on demand; so each is named here. A module that the program has not imported is left
alone, and a setting that nobody has changed is not kept.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.aside import NOTICES

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTRIBUTES = {
    "sys": ("tracebacklimit", "dont_write_bytecode"),
    "logging": ("lastResort", "_logRecordFactory", "_loggerClass"),
    "tempfile": ("tempdir",),
}
_UNSET = object()
_at_import: dict[tuple[str, str], Any] = {}


def watch() -> None:
    """Remember what the interpreter starts with."""
    for name, attributes in _ATTRIBUTES.items():
        if name in sys.modules:
            _at_import.update(
                ((name, each), getattr(sys.modules[name], each, _UNSET)) for each in attributes
            )


def collect() -> dict[str, Any]:
    """Return what differs from a fresh process."""
    attributes = {
        (name, each): getattr(sys.modules[name], each)
        for name, each_name in _ATTRIBUTES.items()
        if name in sys.modules
        for each in each_name
        if getattr(sys.modules[name], each, _UNSET) is not _at_import.get((name, each), _UNSET)
        and hasattr(sys.modules[name], each)
    }
    calls = {
        name: take(sys.modules[name]) for name, (take, _) in _CALLS.items() if name in sys.modules
    }
    blocked = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    waiting = sorted(map(int, signal.sigpending().difference(NOTICES))) if blocked else []
    return {"attributes": attributes, "calls": calls, "blocked": blocked, "waiting": waiting}


def restore(found: dict[str, Any]) -> None:
    """Set it again."""
    for (name, attribute), value in found["attributes"].items():
        setattr(sys.modules[name], attribute, value)
        _at_import[name, attribute] = _UNSET  # it stays the program's for later versions
    for name, value in found["calls"].items():
        if name in sys.modules:
            _CALLS[name][1](sys.modules[name], value)
    signal.pthread_sigmask(signal.SIG_BLOCK, found["blocked"])
    for number in found.get("waiting", ()):
        os.kill(os.getpid(), number)  # it is blocked, and waits again


def _take_dialects(csv: Any) -> dict[str, Any]:
    usual = ("excel", "excel-tab", "unix")
    parts = (
        "delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting",
        "skipinitialspace", "strict",
    )  # fmt: skip
    return {
        "limit": csv.field_size_limit(),
        "dialects": {
            name: {part: getattr(csv.get_dialect(name), part) for part in parts}
            for name in csv.list_dialects()
            if name not in usual
        },
    }


def _give_dialects(csv: Any, found: dict[str, Any]) -> None:
    csv.field_size_limit(found["limit"])
    for name, parts in found["dialects"].items():
        csv.register_dialect(name, **parts)


def _take_default_context(decimal: Any) -> dict[str, Any]:
    context = decimal.DefaultContext
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    return {name: getattr(context, name) for name in names}


def _give_default_context(decimal: Any, found: dict[str, Any]) -> None:
    for name, value in found.items():
        setattr(decimal.DefaultContext, name, value)


def _capture_warnings(logging: Any, on: bool) -> None:
    if on:
        logging.captureWarnings(True)


_CALLS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None]]] = {
    "csv": (_take_dialects, _give_dialects),
    "decimal": (_take_default_context, _give_default_context),
    "logging": (lambda logging: logging._warnings_showwarning is not None, _capture_warnings),
    "socket": (
        lambda socket: socket.getdefaulttimeout(),
        lambda socket, seconds: socket.setdefaulttimeout(seconds),
    ),
    "threading": (
        lambda threading: threading.stack_size(),
        lambda threading, size: threading.stack_size(size) and None,
    ),
}
