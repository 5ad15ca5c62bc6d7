"""What the program registered with ``atexit``, and its armed finalizers.

``atexit`` cannot be asked, so `watch` listens from the start: registrations by the user's own
modules are kept in a list; those of libraries happen again when they are imported.
"""

from __future__ import annotations

import atexit
import sys
import weakref
from typing import TYPE_CHECKING, Any

from dartslurm.errors import is_ours
from dartslurm.state.modules import user_modules

if TYPE_CHECKING:
    from collections.abc import Callable

_registered: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
_real_register, _real_unregister = atexit.register, atexit.unregister


def watch() -> None:
    """Listen to registrations from now on; behaves as ``atexit`` does."""
    atexit.register = _register
    atexit.unregister = _unregister


def _register(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    _real_register(func, *args, **kwargs)
    try:
        if sys._getframe(1).f_globals.get("__name__") in user_modules():
            _registered.append((func, args, kwargs))
    except BaseException as error:
        if not is_ours(error):
            raise
    return func


def _unregister(func: Callable[..., Any], /) -> None:
    _real_unregister(func)
    _registered[:] = [entry for entry in _registered if entry[0] != func]


def forget() -> None:
    """Let go of the program's functions: they hold its modules, and those have to end."""
    _registered.clear()


def collect() -> dict[str, Any]:
    """Return the program's registrations, oldest first, and its finalizers."""
    return {"calls": list(_registered), "finalizers": _finalizers()}


def _finalizers() -> list[Any]:
    registry = weakref.finalize._registry  # type: ignore[attr-defined]
    modules = user_modules()
    return [
        finalizer
        for finalizer, entry in sorted(registry.items(), key=lambda item: item[1].index)
        if getattr(entry.func, "__module__", None) in modules
    ]


def restore(found: dict[str, Any]) -> None:
    """Register again (the finalizers came alive when they were loaded)."""
    _registered.clear()
    for func, args, kwargs in found["calls"]:
        _real_register(func, *args, **kwargs)
        _registered.append((func, args, kwargs))
