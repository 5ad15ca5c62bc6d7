"""How a job comes back: the ladder from requeue to a new submission, and the caps on both.

Takes a seat whose attempt has just been committed and ended; gives what was done and why. Keeps:
one caller a job and attempt (the ``leaving`` mark is made with ``O_EXCL``); nothing is started
again past the cap on attempts, or after several attempts that added neither a version nor a
finished step; what happens next and why is always written down before it is tried.

Source:
    ``scontrol requeue`` of a running job is answered at once, and the job then has KillWait
    seconds; it waits 121 s by default (credential life) unless its start time is set, which its
    owner may do; Slurm does not avoid the node that was used (measured, Slurm 22.05).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartslurm.errors import ClusterError, DartError, StoreError, UnavailableError
from dartslurm.slurm import client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dartslurm.slurm.environment import JobView
    from dartslurm.slurm.jobs import Attempt, JobFolder, Seat

_START_AFTER_SECONDS = 3
_SETTLE_SECONDS = 4.0
_ALONE = 93
_FAILURES_A_NODE = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a job may come back."""

    max_attempts: int = 20
    max_noprogress: int = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: ``how`` is requeue, resubmit or stop; ``exit_code`` is for the job."""

    how: str
    why: str
    exit_code: int


def refuse(attempts: list[Attempt], limits: Limits) -> str | None:
    """Say why a job must not come back again; ``None`` if it may.

    Only attempts since the user last resumed the job count.
    """
    if len(attempts) >= limits.max_attempts:
        return f"{len(attempts)} attempts are used up (--dart-max-attempts)"
    idle = 0
    last: int | None = None
    for attempt in attempts:
        grown = attempt.progress is None or last is None or attempt.progress > last
        if last is None:
            grown = attempt.progress is None or attempt.progress > 0
        idle = 0 if grown else idle + 1
        last = attempt.progress if attempt.progress is not None else last
    if idle >= limits.max_noprogress:
        return f"no progress in {idle} attempts (--dart-max-noprogress)"
    return None


def come_back(
    job: JobFolder,
    seat: Seat,
    attempt: Attempt,
    *,
    view: JobView,
    limits: Limits,
    why: str,
    until_utc: float | None,
) -> Outcome:
    """Bring the job back after this attempt, if the caps allow it."""
    try:
        stopped = refuse(seat.attempts()[seat.resumed_after() :], limits)
        if stopped:
            seat.plan("stopped", stopped)
            return Outcome("stop", stopped, _ALONE)
        if not seat.claim_leaving(attempt.number, why):
            return Outcome("requeue", "somebody else has requeued this attempt", 85)
        seat.plan("requeue", why)
    except StoreError as full:  # the job's life does not hang on our notes
        why = f"{why} (not written down: {full.message})"
    within_seconds = 30.0 if until_utc is None else max(3.0, until_utc - time.time())
    try:
        _requeue(view.shown_id, within_seconds)
        settle(view.shown_id, used_nodes(seat.attempts()), attempt.user_excluded)
        return Outcome("requeue", why, 85)
    except DartError as refused:
        return _submit_anew(job, seat, view, attempt, refused, why)


def _requeue(job_id: str, within_seconds: float) -> None:
    """Requeue; where the job does not permit it, let its owner permit it first."""
    try:
        client.requeue(job_id, within_seconds=within_seconds)
    except UnavailableError:
        raise
    except ClusterError:
        client.update(job_id, "Requeue=1", within_seconds=within_seconds)
        client.requeue(job_id, within_seconds=within_seconds)


def _submit_anew(
    job: JobFolder, seat: Seat, view: JobView, attempt: Attempt, refused: DartError, why: str
) -> Outcome:
    """The rung below requeue: submit the same batch script again, from the node."""
    if view.array_task is None and not isinstance(refused, UnavailableError):
        try:
            used = used_nodes(seat.attempts())
            excluded = avoidable(view.partition, used, attempt.user_excluded, 1)
            new_id = submit_again(job, seat, [f"--exclude={excluded}"] if excluded else [])
            seat.plan("resubmit", f"{why}; job {new_id} goes on ({refused.message})")
            return Outcome("resubmit", f"{why}; job {new_id} goes on", 85)
        except DartError as again:
            refused = again
    said = f"{why}, but Slurm did not take it back: {refused.message}"
    seat.plan("stopped", f"{said}; dart-resume {view.shown_id} goes on")
    return Outcome("stop", said, 85)


def submit_again(job: JobFolder, seat: Seat, options: Iterable[str]) -> str:
    """Submit a recorded job anew, with further options that win over the recorded ones.

    Its output goes on in the file that it had, unless the further options name another.

    Raises:
        ClusterError: if sbatch refuses, with its words.
    """
    recorded = job.submission()
    given = [word for word in recorded.options if word not in ("--parsable", "--wait", "-W")]
    argv = [
        *given,
        *_same_output(seat),
        *options,
        "--parsable",
        job.batch_path(recorded.name),
        *recorded.script_args,
    ]
    new_id = client.submit_quietly(argv, cwd=recorded.cwd)
    job.add_job_id(new_id)
    return new_id


def _same_output(seat: Seat) -> list[str]:
    """The options that let a new job go on in the output files of the last attempt."""
    attempts = seat.attempts()
    told = attempts[-1].extra.get("outputs", {}) if attempts else {}
    options = [f"--{name}={path.replace('%', '%%')}" for name, path in sorted(told.items())]
    return [*options, "--open-mode=append"] if options else []


def used_nodes(attempts: list[Attempt]) -> list[str]:
    """The nodes to keep away from: the last one, and those that failed twice.

    A node has failed when an attempt there never came to an end that was written down.
    """
    if not attempts:
        return []
    failed = [each.node for each in attempts if each.cause is None]
    broken = {node for node in failed if failed.count(node) >= _FAILURES_A_NODE}
    last = attempts[-1].node
    return [node for node in [last, *sorted(broken - {last})] if node]


def avoidable(partition: str, used: list[str], user_excluded: str, needed: int) -> str:
    """The exclusion list that keeps away from as many used nodes as the job can do without.

    The last ones in ``used`` are given up last; the user's own exclusions stay in any case.
    """
    free = client.free_nodes(partition)
    wanted = list(used)
    while wanted and len(free - set(wanted)) < needed:
        wanted.pop(0)
    return ",".join(filter(None, [user_excluded, *sorted(wanted)]))


def settle(job_id: str, used: list[str], user_excluded: str) -> bool:
    """Shorten the wait of a job just requeued and keep it off the nodes it used.

    Every part of this is a favour: a failure leaves the job to Slurm's own ways.
    """
    ends = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < ends:
        try:
            facts = client.show_job(job_id, within_seconds=2.0)
            wanted = user_excluded
            if not facts.required_nodes:
                wanted = avoidable(facts.partition, used, user_excluded, facts.node_count)
            client.update(job_id, f"ExcNodeList={wanted}", within_seconds=2.0)
            start = f"StartTime=now+{_START_AFTER_SECONDS}"
            client.update(job_id, start, within_seconds=2.0)
            return True
        except DartError:
            time.sleep(0.3)
    return False
