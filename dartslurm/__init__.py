"""DARTSlurm: unmodified Python jobs that outlive their wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dartslurm._version import __version__ as __version__

if TYPE_CHECKING:
    from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """Import ``store`` when it is asked for: a program under capture may never ask."""
    if name == "store":
        from importlib import import_module

        return import_module("dartslurm.store")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
