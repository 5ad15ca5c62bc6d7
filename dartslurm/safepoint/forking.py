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

    def __init__(
        self,
        trigger: Trigger,
        writer_thread: Callable[[], int | None],
        failed: Callable[[BaseException], bool],
    ) -> None:
        self._trigger = trigger
        self._writer_thread = writer_thread
        self._failed = failed
        self._caller: FrameType | None = None

    def before(self) -> None:
        """Leave one thread, if it would be one without us; the frame two levels up is forking."""
        try:
            self._rest(sys._getframe(2))
        except BaseException as error:
            if self._failed(error):
                raise

    def _rest(self, caller: FrameType) -> None:
        if not LAYOUT.warns_of_threads or not self._trigger.runs:
            return
        until = monotonic() + _MOST_SECONDS  # a version that is being written comes first
        while True:
            ours = {self._trigger.thread_id, self._writer_thread()}
            if len(_threads() - ours) <= 1:
                break
            if None not in ours or monotonic() > until:
                return
            sleep(_LOOK_SECONDS)  # one of ours begins
        self._caller = caller
        self._trigger.rest()
        while len(_threads()) > 1 and monotonic() < until:
            sleep(_LOOK_SECONDS)

    def after(self) -> None:
        """Begin again soon; in the parent."""
        try:
            if self._caller is not None and not add_pending_truth(self):
                self._go_on()
        except BaseException as error:
            if self._failed(error):
                raise

    def __bool__(self) -> bool:
        try:
            if self._caller is not None and not self._is_forking():
                self._go_on()
        except BaseException as error:
            if self._failed(error):
                raise
        return False

    def _is_forking(self) -> bool:
        """Tell whether hooks still run; if so, this is asked again."""
        walk: FrameType | None = sys._getframe(2)
        if walk is self._caller:
            return False
        while walk is not None and walk is not self._caller:
            walk = walk.f_back
        return walk is not None and add_pending_truth(self)

    def _go_on(self) -> None:
        self._caller = None
        self._trigger.go_on()


def _threads() -> set[int | None]:
    """Return the kernel's numbers of all threads."""
    try:
        return set(map(int, listdir("/proc/self/task")))
    except OSError:  # then the interpreter counts its own, and does not know of ours
        return set()
