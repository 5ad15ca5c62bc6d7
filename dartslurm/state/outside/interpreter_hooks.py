"""What a program replaces in ``sys`` and ``builtins``: streams, hooks, names; and ``gc``."""

from __future__ import annotations

import builtins
import gc
import importlib
import sys
from typing import Any

from dartslurm.state.modules import user_modules

_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
_STREAMS = ("stdin", "stdout", "stderr")
_BUILTINS = dict(vars(builtins))
_FINDERS = ("meta_path", "path_hooks")
_OURS = __name__.partition(".")[0]
_FROZEN = gc.get_freeze_count()
"""What the interpreter has frozen itself, before the program (3.12 does)."""


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
        "gc_frozen": gc.get_freeze_count() > _FROZEN, "gc_calls": list(gc.callbacks),
        "finders": {name: _added(name) for name in _FINDERS},
        "recursion_limit": sys.getrecursionlimit(), "diagnosis": _diagnosis(),
    }  # fmt: skip


def _added(name: str) -> list[tuple[bool, Any]]:
    """Return what the program has put into a list of importers: whether in front, and what."""
    entries = getattr(sys, name)
    own = [entry for entry in entries if _is_of_program(entry)]
    return [(entries.index(entry) == 0, entry) for entry in own]


def _is_of_program(entry: Any) -> bool:
    owner = entry if hasattr(entry, "__module__") else type(entry)
    return getattr(owner, "__module__", None) in user_modules()


def _diagnosis() -> dict[str, Any]:
    """Return which tools of diagnosis run, of those that are loaded."""
    faulthandler = sys.modules.get("faulthandler")
    tracemalloc = sys.modules.get("tracemalloc")
    traced = tracemalloc is not None and tracemalloc.is_tracing()
    return {
        "faulthandler": faulthandler is not None and faulthandler.is_enabled(),
        "tracemalloc": tracemalloc.get_traceback_limit() if traced and tracemalloc else 0,
    }


def _is_ours(name: str) -> bool:
    return (getattr(getattr(sys, name), "__module__", None) or "").startswith(_OURS)


def restore(found: dict[str, Any]) -> None:
    """Put the program's own in place again."""
    for name, value in {**found["hooks"], **found["streams"]}.items():
        setattr(sys, name, value)
    for name, value in found["builtins"].items():
        setattr(builtins, name, value)
    for name, entries in found["finders"].items():
        known = getattr(sys, name)
        for first, entry in entries[::-1]:
            known.insert(0 if first else len(known), entry)
    gc.callbacks.extend(call for call in found["gc_calls"] if call not in gc.callbacks)
    if found["diagnosis"]["faulthandler"]:
        importlib.import_module("faulthandler").enable()
    if found["diagnosis"]["tracemalloc"]:
        importlib.import_module("tracemalloc").start(found["diagnosis"]["tracemalloc"])
    if found["gc_frozen"]:
        gc.freeze()
    sys.setrecursionlimit(found["recursion_limit"])
    enabled, threshold, debug = found["gc"]
    gc.set_threshold(*threshold)
    gc.set_debug(debug)
    (gc.enable if enabled else gc.disable)()
