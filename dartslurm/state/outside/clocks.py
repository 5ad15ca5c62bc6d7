"""The clocks that durations are measured by: they go on without a jump.

A deadline, a timeout, a progress bar or a timer of an event loop compares a clock with a value that
the program holds. A new process, and more so another node, counts from another zero; so the
clocks are shifted to where they stood at the version. The time of day is what it is.
"""

from __future__ import annotations

import time

from dartslurm.interpreter.clocks import CLOCKS, shift

_CLOCKS = {name: getattr(time, f"{name}_ns") for name in CLOCKS}


def collect() -> dict[str, int]:
    """Return what each clock shows.

    Units:
        Nanoseconds.
    """
    return {name: clock() for name, clock in _CLOCKS.items()}


def restore(found: dict[str, int]) -> None:
    """Let each clock go on from there; call this last, the program's time begins here."""
    shift({name: found[name] - clock() for name, clock in _CLOCKS.items() if name in found})
