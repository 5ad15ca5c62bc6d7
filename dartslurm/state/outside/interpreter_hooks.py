"""What a program replaces in ``sys`` and ``builtins``: streams, hooks, names; and ``gc``."""

from __future__ import annotations

import builtins
import gc
import sys
from typing import Any

_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
_STREAMS = ("stdin", "stdout", "stderr")
_BUILTINS = dict(vars(builtins))
_OURS = __name__.partition(".")[0]


def collect() -> dict[str, Any]:
    """Return what differs from the interpreter's own."""
    hooks = {
        name: getattr(sys, name)
        for name in _HOOKS
        if getattr(sys, name) is not getattr(sys, f"__{name}__") and not _is_ours(name)
    }
    streams = {
        name: getattr(sys, name)
        for name in _STREAMS
        if getattr(sys, name) is not getattr(sys, f"__{name}__")
    }
    names = {
        name: value
        for name, value in vars(builtins).items()
        if name != "_" and (name not in _BUILTINS or _BUILTINS[name] is not value)
    }
    return {
        "hooks": hooks, "streams": streams, "builtins": names,
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug()),
    }  # fmt: skip


def _is_ours(name: str) -> bool:
    return (getattr(getattr(sys, name), "__module__", None) or "").startswith(_OURS)


def restore(found: dict[str, Any]) -> None:
    """Put the program's own in place again."""
    for name, value in {**found["hooks"], **found["streams"]}.items():
        setattr(sys, name, value)
    for name, value in found["builtins"].items():
        setattr(builtins, name, value)
    enabled, threshold, debug = found["gc"]
    gc.set_threshold(*threshold)
    gc.set_debug(debug)
    (gc.enable if enabled else gc.disable)()
