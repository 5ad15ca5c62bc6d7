"""One view of what Slurm tells a job, and of the time that the job has left.

Takes the environment of the batch script (and one answer of ``scontrol``); gives a `JobView` and a
`Clock`. Keeps: no other module of ours reads a ``SLURM_`` variable in a job, and times are seconds
since the epoch.

Source:
    Slurm 22.05 gives a job no ``SLURM_JOB_END_TIME``, and leaves ``SLURM_RESTART_COUNT`` unset in
    the first attempt. Limits and warnings are looked at every 30 s (``PERIODIC_TIMEOUT``), so a
    warning asked for N seconds before the end comes between N and N+60 s before it (sbatch(1)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_LEAD_SECONDS = 120.0
SHORTEST_LEAD_SECONDS = 8.0
_SHARE_OF_LIMIT = 0.35
WARNING_EARLY_SECONDS = 60.0
SAFETY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class JobView:
    """The job that this process is in."""

    job_id: str
    array_job_id: str | None
    array_task: str | None
    name: str
    node: str
    partition: str
    restart_count: int
    cluster: str
    end_utc: float | None

    @property
    def shown_id(self) -> str:
        """The id as users write it: ``123`` or ``123_4``."""
        return f"{self.array_job_id}_{self.array_task}" if self.array_job_id else self.job_id


def view(environ: Mapping[str, str]) -> JobView | None:
    """Read the job from its environment; ``None`` outside a job."""
    job_id = environ.get("SLURM_JOB_ID")
    if not job_id:
        return None
    end = environ.get("SLURM_JOB_END_TIME", "")
    return JobView(
        job_id=job_id,
        array_job_id=environ.get("SLURM_ARRAY_JOB_ID"),
        array_task=environ.get("SLURM_ARRAY_TASK_ID"),
        name=environ.get("SLURM_JOB_NAME", ""),
        node=environ.get("SLURMD_NODENAME", ""),
        partition=environ.get("SLURM_JOB_PARTITION", ""),
        restart_count=int(environ.get("SLURM_RESTART_COUNT") or 0),
        cluster=environ.get("SLURM_CLUSTER_NAME", ""),
        end_utc=float(end) if end.isdigit() else None,
    )


def lead_seconds(limit_seconds: float | None, asked_seconds: float | None = None) -> float:
    """How long before the end of the job the last commit begins.

    Two minutes, but never more than about a third of the time limit: a job of one minute must
    compute, not only save. What the user asked for is kept as long as the job is longer than it.
    """
    if asked_seconds is not None:
        if limit_seconds is None or asked_seconds < limit_seconds:
            return asked_seconds
        return _SHARE_OF_LIMIT * limit_seconds
    if limit_seconds is None:
        return LONGEST_LEAD_SECONDS
    return max(SHORTEST_LEAD_SECONDS, min(LONGEST_LEAD_SECONDS, _SHARE_OF_LIMIT * limit_seconds))


@dataclass(frozen=True, slots=True)
class Clock:
    """When the job ends, and how long before that it begins to leave."""

    end_utc: float | None
    lead_seconds: float

    @property
    def leave_utc(self) -> float | None:
        """The instant at which the last commit begins."""
        return None if self.end_utc is None else self.end_utc - self.lead_seconds

    def due(self, now_utc: float) -> bool:
        """Tell whether it is time to leave."""
        return self.leave_utc is not None and now_utc >= self.leave_utc

    def expects_warning(self, now_utc: float) -> bool:
        """Tell whether a warning that comes now is only the early word of the time limit."""
        if self.leave_utc is None:
            return False
        return self.leave_utc - WARNING_EARLY_SECONDS <= now_utc < self.leave_utc

    def give_up_utc(self, now_utc: float) -> float:
        """Until when programs may still write: shortly before the end of the job."""
        wait_seconds = max(self.lead_seconds - SAFETY_SECONDS, self.lead_seconds / 2)
        if self.end_utc is None:
            return now_utc + wait_seconds
        margin_seconds = min(SAFETY_SECONDS, self.lead_seconds / 2)
        return max(now_utc + 2.0, min(now_utc + wait_seconds, self.end_utc - margin_seconds))


def parse_limit(text: str) -> float | None:
    """Read a time limit as sbatch does; ``None`` if it is none or not understood.

    Units:
        Slurm's forms are minutes, m:s, h:m:s, d-h, d-h:m and d-h:m:s; the result is seconds.
    """
    days, dash, rest = text.strip().rpartition("-")
    try:
        parts = [int(part) for part in rest.split(":")]
        day_count = int(days) if dash else 0
    except ValueError:
        return None
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, (minutes, seconds) = 0, [*parts, 0][:2]
    return float(((day_count * 24 + hours) * 60 + minutes) * 60 + seconds) or None
