"""The folder of a submitted job: what was submitted, each attempt, what happens next and why.

Takes a store's path; gives a `Submission` (one ``dart-sbatch``) and its `Seat`s (one for the job,
or one for each array task). Keeps: files are small JSON, replaced whole or made once (``O_EXCL``),
so the supervisor, the commands on the login node and a second supervisor after a split network may
all look at them at any time.

    STORE/jobs/by-id/JOBID            which submission a job id of Slurm belongs to
    STORE/jobs/KEY/submission.json    options, script name, arguments, settings
    STORE/jobs/KEY/script             the user's script to the byte
    STORE/jobs/KEY/batch/NAME         the generated batch script
    STORE/jobs/KEY/{job,task-N}/      a seat: attempts/, steps/, control, finished.json, next.json
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from dartslurm import disk
from dartslurm.errors import NotFoundError, UsageError
from dartslurm.slurm import steps
from dartslurm.slurm.records import read_json, write_json, write_once


@dataclass(frozen=True, slots=True)
class Submission:
    """What the user submitted, enough to submit it again."""

    key: str
    submitted_utc: float
    name: str
    options: list[str]
    script_args: list[str]
    cwd: str
    interpreter: list[str]
    settings: dict[str, str]
    requeue_allowed: bool
    own_signal: bool


@dataclass(slots=True)
class Attempt:
    """One Slurm execution of the job. ``progress`` grows when a version or a step was added."""

    number: int
    job_id: str
    node: str
    started_utc: float
    restart_count: int = 0
    ended_utc: float | None = None
    cause: str | None = None
    exit_code: int | None = None
    progress: int | None = None
    user_excluded: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Seat:
    """One task's folder: where its attempts, steps and control file are."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.control = os.path.join(path, "control")
        self.output = os.path.join(path, "supervisor.log")

    def prepare(self) -> None:
        """Make the folders."""
        for name in ("attempts", "steps", "processes"):
            disk.make_folders(os.path.join(self.path, name))

    def attempts(self) -> list[Attempt]:
        """Every attempt, oldest first."""
        folder = os.path.join(self.path, "attempts")
        names = sorted(name for name in disk.folder_names(folder) if name.endswith(".json"))
        found = [read_json(os.path.join(folder, name)) for name in names]
        return [Attempt(**each) for each in found if each]

    def begin_attempt(self, job_id: str, node: str, restart_count: int) -> Attempt:
        """Claim the next attempt number; two supervisors never get the same one."""
        number = max((each.number for each in self.attempts()), default=0)
        while True:
            number += 1
            attempt = Attempt(number, job_id, node, time.time(), restart_count)
            if write_once(self._attempt_path(number), asdict(attempt)):
                return attempt

    def record_attempt(self, attempt: Attempt) -> None:
        """Write an attempt down again with what is known now."""
        write_json(self._attempt_path(attempt.number), asdict(attempt))

    def claim_leaving(self, number: int, how: str) -> bool:
        """Elect the one who requeues after an attempt; ``False`` if somebody already has."""
        path = os.path.join(self.path, "attempts", f"{number:04d}.leaving")
        return write_once(path, {"how": how, "time_utc": time.time()})

    def _attempt_path(self, number: int) -> str:
        return os.path.join(self.path, "attempts", f"{number:04d}.json")

    def finished(self) -> dict[str, Any] | None:
        """How the script ended by itself, if it has."""
        return read_json(os.path.join(self.path, "finished.json"))

    def finish(self, exit_code: int) -> None:
        """Record that the script ended by itself.

        Durability:
            The mark is on disk when this returns.
        """
        mark = {"exit_code": exit_code, "time_utc": time.time()}
        write_json(os.path.join(self.path, "finished.json"), mark)

    def reopen(self) -> None:
        """Take the finished mark away: the user wants a failed job to go on."""
        disk.remove(os.path.join(self.path, "finished.json"))

    def resume(self) -> None:
        """Begin to count anew: the user himself has brought the job back."""
        self.reopen()
        record = {"attempts": len(self.attempts()), "time_utc": time.time()}
        write_json(os.path.join(self.path, "resumed.json"), record)

    def resumed_after(self) -> int:
        """After how many attempts the user last brought the job back."""
        return int((read_json(os.path.join(self.path, "resumed.json")) or {}).get("attempts", 0))

    def tell(self, word: str) -> None:
        """Write the control file that programs poll: ``commit``, ``stop`` or nothing."""
        disk.replace_file(self.control, word.encode() + b"\n" if word else b"")

    def plan(self, what: str, why: str) -> None:
        """Write down what happens next and why."""
        record = {"what": what, "why": why, "time_utc": time.time()}
        write_json(os.path.join(self.path, "next.json"), record)

    def next(self) -> dict[str, Any] | None:
        """What happens next and why."""
        return read_json(os.path.join(self.path, "next.json"))


class JobFolder:
    """One submission's folder."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.key = os.path.basename(path)
        self.script = os.path.join(path, "script")

    def submission(self) -> Submission:
        """What was submitted.

        Raises:
            NotFoundError: if the record is gone.
        """
        found = read_json(os.path.join(self.path, "submission.json"))
        if found is None:
            raise NotFoundError(f"the job folder {self.path} has no record of its submission")
        return Submission(**found)

    def batch_path(self, name: str) -> str:
        """Where the generated batch script lies; its base name is the job's default name."""
        return os.path.join(self.path, "batch", name)

    def seat(self, array_task: str | None) -> Seat:
        """The seat of the job, or of one array task."""
        return Seat(os.path.join(self.path, f"task-{array_task}" if array_task else "job"))

    def seats(self) -> dict[str | None, Seat]:
        """Every seat that was ever taken, by array task (``None``: not an array)."""
        found: dict[str | None, Seat] = {}
        for name in sorted(disk.folder_names(self.path), key=lambda name: (len(name), name)):
            if name == "job":
                found[None] = self.seat(None)
            elif name.startswith("task-"):
                found[name[5:]] = self.seat(name[5:])
        return found

    def job_ids(self) -> list[str]:
        """Every job id of Slurm this submission has had, oldest first."""
        ids = read_json(os.path.join(self.path, "ids.json")) or {}
        return list(ids.get("ids", []))

    def add_job_id(self, job_id: str) -> None:
        """Let a job id of Slurm lead here. The newest submission wins: ids may wrap around."""
        known = self.job_ids()
        if job_id not in known:
            write_json(os.path.join(self.path, "ids.json"), {"ids": [*known, job_id]})
        by_id = os.path.join(os.path.dirname(self.path), "by-id")
        disk.make_folders(by_id)
        write_json(os.path.join(by_id, job_id), {"key": self.key})


def create(store: str, submission: Submission, *, script: bytes, batch: bytes) -> JobFolder:
    """Make the folder of a new submission.

    Raises:
        StoreError: if the store cannot be written.

    Durability:
        The record and both scripts are on disk when this returns.
    """
    job = JobFolder(os.path.join(store, "jobs", submission.key))
    disk.make_folders(os.path.join(job.path, "batch"))
    disk.replace_file(job.script, script)
    disk.replace_file(job.batch_path(submission.name), batch)
    write_json(os.path.join(job.path, "submission.json"), asdict(submission))
    return job


def find(store: str, shown_id: str) -> tuple[JobFolder, str | None]:
    """Find the folder of a job id (``123`` or ``123_4``) and the array task meant.

    Raises:
        UsageError: if this is not a job id.
        NotFoundError: if this store knows no such job.
    """
    match = re.fullmatch(r"(\d+)(?:_(\d+))?", shown_id)
    if match is None:
        remedy = "write it as 123 or 123_4; a run goes on here with --here RUN"
        raise UsageError(f"{shown_id} is no job id", remedy=remedy)
    known = read_json(os.path.join(store, "jobs", "by-id", match.group(1)))
    if known is None:
        raise NotFoundError(
            f"the store {store} knows no job {shown_id}",
            kind="job-unknown",
            remedy="name the store it was submitted with: --dart-store=DIR",
        )
    return JobFolder(os.path.join(store, "jobs", known["key"])), match.group(2)


def runs_of_job(store: str, shown_id: str) -> list[str]:
    """Name the runs of a job's programs in the order they began; of an array, task by task.

    Raises:
        UsageError: if this is not a job id.
        NotFoundError: if the store knows no such job, or nothing of it has been captured.
    """
    job, task = find(store, shown_id)
    seats = job.seats()
    chosen = [seat for name, seat in seats.items() if task is None or name == task]
    runs = [run_id for seat in chosen for run_id in steps.run_ids(seat.path)]
    if not runs:
        raise NotFoundError(
            f"no program of job {shown_id} has been captured",
            kind="no-run",
            remedy=f"see dart-status {shown_id}",
        )
    return runs


def every(store: str) -> list[JobFolder]:
    """All submissions of a store, newest first."""
    folder = os.path.join(store, "jobs")
    found = [
        JobFolder(os.path.join(folder, name))
        for name in disk.folder_names(folder)
        if name.startswith("j-")
    ]
    return sorted(found, key=lambda job: _changed(job.path), reverse=True)


def _changed(path: str) -> float:
    seen = disk.look(os.path.join(path, "submission.json"))
    return seen.st_mtime if seen else 0.0
