"""What is known about a committed version, a run and its attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Version(NamedTuple):
    """One committed state, as its manifest tells it; a tuple, because lists have thousands.

    ``cause`` is one of ``start``, ``interval``, ``signal``, ``deadline``, ``request``, ``failure``.
    ``place`` is ``file:line, function``. Times are UTC seconds since the epoch; costs are seconds.
    """

    run_id: str
    number: int
    parent: int | None
    attempt: int
    epoch: int
    time_utc: float
    cause: str
    place: str
    bytes_new: int
    bytes_total: int
    pause_seconds: float
    commit_seconds: float
    node: str
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One program's life: what was started, where, and (when it ended) how.

    ``argv`` is the program as the user wrote it; ``launch`` tells script, module or code.
    ``exit_code`` is ``None`` while the run has not finished.
    """

    run_id: str
    created_utc: float
    argv: list[str]
    cwd: str
    python: str
    python_version: str
    launch: dict[str, Any]
    job: dict[str, Any]
    exit_code: int | None = None
    finished_utc: float | None = None

    @property
    def hash_seed(self) -> str:
        """Return the hash seed with which the run was begun."""
        return str(self.launch.get("hash_seed", ""))
