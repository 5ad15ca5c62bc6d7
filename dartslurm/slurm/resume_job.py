"""Bring back a job that timed out, was cancelled, failed or lost its node.

Takes a job id and further sbatch options; gives the exit code of ``dart-resume``. Keeps: a job
that waits or runs is left alone; one that ended well is not run again; the job is requeued while
Slurm remembers it (same id, same output file) and otherwise submitted anew from its record; the
node used last is avoided where another is free.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartslurm.errors import ClusterError, ConflictError, NotFoundError, UsageError
from dartslurm.slurm import client, requeue, steps
from dartslurm.slurm.jobs import find

if TYPE_CHECKING:
    from dartslurm.slurm.jobs import JobFolder, Seat

_LIVE = ("RUNNING", "SUSPENDED", "CONFIGURING", "RESIZING", "STOPPED", "SIGNALING")
_ENDING_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The version of one run that the user wants to go on from; ``newest`` is its newest now."""

    run_id: str
    newest: int
    at: int


def resume_job(
    shown_id: str, options: list[str], store: str, *, chosen: Chosen | None = None
) -> int:
    """Bring a job back; for a whole array every task that has not ended well.

    Raises:
        UsageError: if a version is chosen for a whole array.
        NotFoundError: if the store knows no such job.
        ConflictError: if it runs or waits.
        ClusterError: if Slurm refuses, with its words.
        UnavailableError: if Slurm does not answer.
    """
    job, task = find(store, shown_id)
    seats = job.seats()
    if task is not None:
        seats = {name: seat for name, seat in seats.items() if name == task}
    if not seats:
        seats = {task: job.seat(task)}
    if chosen is not None and len(seats) > 1:
        raise UsageError(f"--at means one task of {shown_id}", remedy="write it as JOBID_TASK")
    open_seats = {name: seat for name, seat in seats.items() if chosen or not _ended_well(seat)}
    if not open_seats:
        sys.stderr.write(f"dart: job {shown_id} has finished (exit code 0); nothing to resume\n")
        return 0
    left_alone: ConflictError | None = None
    for name, seat in open_seats.items():
        try:
            _resume_seat(job, seat, shown_id, name, options, chosen)
        except ConflictError as live:  # of an array some tasks may still run
            if len(open_seats) == 1:
                raise
            left_alone = live
            sys.stderr.write(f"dart: {live}\n")
    return 0 if left_alone is None else left_alone.exit_code


def _ended_well(seat: Seat) -> bool:
    mark = seat.finished()
    return mark is not None and mark["exit_code"] == 0


def _resume_seat(
    job: JobFolder,
    seat: Seat,
    shown_id: str,
    task: str | None,
    options: list[str],
    chosen: Chosen | None,
) -> None:
    attempts = seat.attempts()
    job_id = _newest_id(job, shown_id.partition("_")[0], task)
    facts = _wait_ended(job_id)
    used = requeue.used_nodes(attempts)
    excluded = attempts[-1].user_excluded if attempts else ""
    seat.resume()
    if chosen is None:
        steps.reopen_failed(seat.path)
    else:
        steps.reopen_at(seat.path, chosen.run_id, chosen.at, chosen.newest)
    if facts is not None and not options and _requeued(job_id, facts):
        seat.plan("requeue", "dart-resume")
        requeue.settle(job_id, used, excluded)
        sys.stdout.write(f"Requeued batch job {job_id}\n")
        return
    if task is not None:
        raise ClusterError(
            f"Slurm does not take task {job_id} back",
            kind="slurm-refused",
            remedy="a task of an array can only be requeued, without further options",
        )
    avoided = _exclusion(facts, used, excluded, options)
    new_id = requeue.submit_again(job, seat, [*options, *avoided])
    seat.plan("resubmit", f"dart-resume; job {new_id} goes on")
    sys.stdout.write(f"Submitted batch job {new_id}\n")


def _newest_id(job: JobFolder, asked: str, task: str | None) -> str:
    newest = (job.job_ids() or [asked])[-1]
    return newest if task is None else f"{newest}_{task}"


def _wait_ended(job_id: str) -> client.JobFacts | None:
    """Wait while the job is just ending; ``None`` if Slurm has forgotten it."""
    ends = time.monotonic() + _ENDING_SECONDS
    while True:
        try:
            facts = client.show_job(job_id)
        except NotFoundError:
            return None
        if facts.state in _LIVE:
            raise ConflictError(
                f"job {job_id} is running on {facts.batch_host}",
                kind="job-running",
                remedy=f"wait for it, or end it with scancel {job_id}",
            )
        if facts.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD"):
            held = "Held" in facts.reason
            remedy = f"release it with scontrol release {job_id}" if held else "wait for it"
            raise ConflictError(
                f"job {job_id} is in the queue already ({facts.reason or 'no reason given'})",
                kind="job-waiting",
                remedy=remedy,
            )
        if facts.state != "COMPLETING":
            return facts
        if time.monotonic() > ends:
            raise ConflictError(f"job {job_id} is still ending", kind="job-ending")
        time.sleep(0.5)


def _requeued(job_id: str, facts: client.JobFacts) -> bool:
    """Requeue a job that Slurm remembers; ``False`` if it will not have it."""
    try:
        client.requeue(job_id)
    except ClusterError:
        if facts.requeue:
            return False
        try:
            client.update(job_id, "Requeue=1")
            client.requeue(job_id)
        except ClusterError:
            return False
    return True


def _exclusion(
    facts: client.JobFacts | None, used: list[str], excluded: str, options: list[str]
) -> list[str]:
    """The option that keeps a new submission off the node used last."""
    if any(word.startswith(("-x", "--exclude", "-w", "--nodelist")) for word in options):
        return []
    if facts is None or facts.required_nodes:
        return []
    avoided = requeue.avoidable(facts.partition, used, excluded, facts.node_count)
    return [f"--exclude={avoided}"] if avoided else []
