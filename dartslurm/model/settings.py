"""What the user or the site has set for a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one program's run.

    ``interval_seconds`` is ``None`` for ``auto`` (as often as ``overhead_percent`` allows).
    ``deadline_utc`` is when the job is killed, seconds since the epoch; the last flush starts
    ``lead_seconds`` before it. ``job_outputs`` are the files that the job's shell prints to.
    ``quota`` is what the run's versions may take, in bytes and in files; ``memory_bytes`` is what
    copies of the program's memory may take while they are written.
    """

    store: str
    interval_seconds: float | None = None
    overhead_percent: float = 1.0
    deadline_utc: float | None = None
    lead_seconds: float = 60.0
    job_folder: str | None = None
    control_path: str | None = None
    attempt: int = 1
    job_outputs: tuple[str, ...] = ()
    quota: tuple[int | None, int | None] | None = None
    memory_bytes: int | None = None
