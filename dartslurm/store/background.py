"""One version at a time, written by a thread of ours while the program goes on.

Takes staged versions; gives them to the writer in the background. Keeps: at most one is in
flight, and a failure of the store never reaches the program: it is reported and the last good
version stands.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock, get_native_id
from time import monotonic, thread_time
from typing import TYPE_CHECKING

from dartslurm.aside import begin_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.model.parts import StagedVersion
    from dartslurm.model.version import Version
    from dartslurm.store.publish import RunWriter


class Publisher:
    """Publishes staged versions of one run in the background.

    ``done`` gets the version, the seconds it took, and those it cost the program: of CPU time, or
    all, where the program waited for its memory to be written.
    """

    def __init__(
        self,
        writer: RunWriter,
        done: Callable[[Version, float, float], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.writer = writer
        self._done = done
        self._failed = failed
        self._idle: LockType = allocate_lock()
        self.thread_id: int | None = 0
        """The kernel's number of the thread that wrote last; ``None`` while it begins."""

    @property
    def is_writing(self) -> bool:
        """Whether a version is being written."""
        return self._idle.locked()

    def publish(self, staged: StagedVersion, *, wait: bool) -> bool:
        """Write ``staged``; returns at once unless ``wait`` is set. Tells if it has not failed.

        Durability:
            With ``wait`` the version is on disk when this returns, or the failure was reported.
        """
        started = False
        self._idle.acquire()
        try:
            if wait:
                return self._publish(staged)
            self.thread_id = None
            begin_thread(self._publish, staged)
            started = True
        finally:
            if not started:
                self.thread_id = 0
                if self._idle.locked():  # it has not come so far as to free it itself
                    self._idle.release()
        return True

    def wait(self, limit_seconds: float) -> bool:
        """Wait until nothing is being written; tell whether that came to pass."""
        if self._idle.acquire(timeout=limit_seconds):
            self._idle.release()
            return True
        return False

    def _publish(self, staged: StagedVersion) -> bool:
        version = None
        try:
            if self.thread_id is None:
                self.thread_id = get_native_id()
            begun, cpu = monotonic(), thread_time()
            version = self.writer.publish(staged)
            seconds, cpu = monotonic() - begun, thread_time() - cpu
            self._done(version, seconds, seconds if staged.is_live else cpu)
        except BaseException as error:
            try:
                self._failed(error)
            except BaseException:
                pass  # the journal cannot be told, and the program need not be
        finally:
            self._idle.release()
        return version is not None
