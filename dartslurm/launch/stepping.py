"""A seam for tests: stop at the N-th safe point of the user's own code.

``DART_TEST_STOP_AT=N`` counts line events of user code from the program's first line; at the N-th
the runtime takes a version and the process exits 85 (or goes on to the next where a C function
or an object forbids it). ``DART_TEST_STOP_AT=N+K`` takes a version there as the timer would, and
kills the process at the K-th safe point after it. The parity tests loop over all N.
"""

from __future__ import annotations

import os
from signal import SIGKILL
from typing import TYPE_CHECKING

from dartslurm.safepoint.request import Request

if TYPE_CHECKING:
    from types import FrameType

    from dartslurm.launch.session import Session
    from dartslurm.safepoint.rest import Wait


class StopAt:
    """Counts line events, and takes the version and ends the process at the ones wanted."""

    def __init__(self, wanted: str, session: Session) -> None:
        self._left, self._more = map(int, (wanted + "+0").split("+")[:2])
        self._is_taken = False
        self._session = session
        self._attempt = session.attempt

    def start(self) -> None:
        """Keep the gate armed from now on."""
        self._session.gate.try_all(self._count)
        request = Request("test", exit_code=85, patience_seconds=1e9, limit_seconds=1e9)
        self._session.gate.ask(request)

    def _count(self, frame: FrameType, request: Request, wait: Wait | None) -> str | None:
        self._left -= 1
        if self._left > 0:
            return "counting"
        if not self._more:
            return self._attempt(frame, request, wait)
        if self._is_taken:
            self._session.publisher.wait(60.0)
            os.kill(os.getpid(), SIGKILL)
        refusal = self._attempt(frame, Request("interval"), wait)
        if refusal is None:
            self._is_taken, self._left = True, self._more
        return refusal or "counting"
