"""DARTSlurm: unmodified Python jobs that outlive their wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dartslurm._version import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def register(cls: type, reduce: Callable[[Any], Any], rebuild: Callable[[Any], Any]) -> None:
    """Tell how objects of exactly the type ``cls`` travel.

    Args:
        cls: the type; not its subclasses.
        reduce: takes an object and returns what it is made of: numbers, strings, bytes, arrays,
            and tuples, lists and dicts of them.
        rebuild: takes that and returns a new object; it runs in the resumed process before the
            program goes on.

    Raises:
        UsageError: if they are not a type and two functions.
    """
    from dartslurm.state.kinds import registered

    registered.register(cls, reduce, rebuild)


def __getattr__(name: str) -> ModuleType:
    """Import ``store`` when it is asked for: a program under capture may never ask."""
    if name == "store":
        from importlib import import_module

        return import_module("dartslurm.store")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
