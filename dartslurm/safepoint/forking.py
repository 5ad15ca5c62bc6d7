"""A program of one thread forks as one: the trigger rests until it has.

From 3.12 on the interpreter warns whoever forks while there are several threads. It asks the
kernel how many there are, so ours would count. Before a fork of a program that has one, ours ends;
it begins again when the call has returned. 3.13 asks after the hooks of `os.register_at_fork` have
run, so beginning again is left to a pending call, which stands back as long as hooks still run.

Source:
    ``warn_about_fork_with_threads``, ``Modules/posixmodule.c`` (3.12, 3.13).
"""

from __future__ import annotations

import sys
from os import listdir
from time import monotonic, sleep
from typing import TYPE_CHECKING

from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.safepoint.gate import add_pending_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from dartslurm.safepoint.trigger import Trigger

_MOST_SECONDS = 10.0
_LOOK_SECONDS = 0.0002


class RestInFork:
    """Has the trigger's thread end before a fork and begin again behind it."""

    def __init__(self, trigger: Trigger, is_writing: Callable[[], bool]) -> None:
        self._trigger = trigger
        self._is_writing = is_writing
        self._caller: FrameType | None = None

    def before(self, caller: FrameType | None) -> None:
        """Leave one thread, if it would be one without us; ``caller`` is about to fork."""
        if not LAYOUT.warns_of_threads or not self._trigger.runs:
            return
        if _threads() - 1 - self._is_writing() > 1:
            return
        self._caller = caller
        self._trigger.rest()
        until = monotonic() + _MOST_SECONDS  # a version that is being written comes first
        while _threads() > 1 and monotonic() < until:
            sleep(_LOOK_SECONDS)

    def after(self) -> None:
        """Begin again soon; in the parent."""
        if self._caller is not None and not add_pending_truth(self):
            self._go_on()

    def __bool__(self) -> bool:
        if self._caller is not None:
            walk: FrameType | None = sys._getframe(1)
            nested = walk is not self._caller
            while walk is not None and walk is not self._caller:
                walk = walk.f_back
            if not (nested and walk is not None and add_pending_truth(self)):
                self._go_on()
        return False

    def _go_on(self) -> None:
        self._caller = None
        self._trigger.go_on()


def _threads() -> int:
    try:
        return len(listdir("/proc/self/task"))
    except OSError:  # then the interpreter counts its own, and does not know of ours
        return 1
