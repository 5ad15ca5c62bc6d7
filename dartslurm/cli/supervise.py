"""What a generated batch script runs: one attempt of one job. Not a command for people.

Takes the job's folder, the batch script and the script's arguments; gives the job's exit code.
Keeps: a finished job that Slurm starts again ends at once with its recorded code; whatever goes
wrong on our side, the user's script runs.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from dartslurm.errors import DartError
from dartslurm.slurm import client, environment, injection, steps
from dartslurm.slurm.jobs import JobFolder
from dartslurm.slurm.requeue import Limits
from dartslurm.slurm.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.slurm.jobs import Attempt, Seat, Submission


def main(argv: list[str]) -> int:
    """Supervise one attempt."""
    job, script_args = JobFolder(argv[0].rstrip("/")), argv[2:]
    try:
        view = environment.view(os.environ)
        if view is None:
            raise DartError("this is not a Slurm job")
        seat = job.seat(view.array_task)
        mark = seat.finished()
        if mark is not None:
            code = int(mark["exit_code"])
            _say(f"this job has finished already (exit code {code}); nothing is run again")
            return code
        supervisor, environ = _prepare(job, seat, view)
    except (DartError, OSError, ValueError, TypeError, KeyError) as cause:
        _say(f"NOT CAPTURED: {cause}; the script runs as it is")
        _run_plain(job, script_args)
    interpreter = job.submission().interpreter
    return supervisor.run([*interpreter, job.script, *script_args], environ)


def _prepare(
    job: JobFolder, seat: Seat, view: environment.JobView
) -> tuple[Supervisor, dict[str, str]]:
    """Take the seat, learn the clock and make the script's environment."""
    submission = job.submission()
    seat.prepare()
    job.add_job_id(view.array_job_id or view.job_id)
    attempt = seat.begin_attempt(view.shown_id, view.node, view.restart_count)
    attempt.extra["outputs"] = injection.own_outputs()
    clock = _clock(seat, view, attempt, submission)
    seat.tell("")
    seat.plan("running", "requeue at the time limit" if submission.requeue_allowed else "once")
    supervisor = Supervisor(
        job,
        seat,
        view,
        attempt,
        clock=clock,
        limits=_limits(submission.settings),
        kill_wait_seconds=client.kill_wait_seconds(),
        progress=_progress(os.path.dirname(os.path.dirname(job.path)), seat),
    )
    environ = injection.script_environ(
        os.environ,
        submission=submission,
        seat=seat,
        attempt=attempt,
        clock=clock,
        store=os.path.dirname(os.path.dirname(job.path)),
    )
    return supervisor, environ


def _limits(settings: dict[str, str]) -> Limits:
    usual = Limits()
    return Limits(
        int(settings.get("max-attempts", usual.max_attempts)),
        int(settings.get("max-noprogress", usual.max_noprogress)),
    )


def _clock(
    seat: Seat, view: environment.JobView, attempt: Attempt, submission: Submission
) -> environment.Clock:
    """Ask Slurm when the job ends; remember which nodes the user himself had excluded."""
    end_utc, limit_seconds = view.end_utc, None
    earlier = [each for each in seat.attempts() if each.number < attempt.number]
    attempt.user_excluded = earlier[0].user_excluded if earlier else ""
    try:
        facts = client.show_job(view.shown_id, within_seconds=8.0)
        end_utc = facts.end_utc
        if not earlier:
            attempt.user_excluded = facts.excluded_nodes
        if facts.end_utc is not None and facts.start_utc is not None:
            limit_seconds = facts.end_utc - facts.start_utc
    except DartError as unknown:
        _say(f"the time limit is not known: {unknown}")
    seat.record_attempt(attempt)
    asked = submission.settings.get("lead", "auto")
    asked_seconds = None if asked == "auto" else float(asked)
    lead = environment.lead_seconds(limit_seconds, asked_seconds)
    return environment.Clock(end_utc, lead)


def _progress(store: str, seat: Seat) -> Callable[[], int | None]:
    """Count what a job has achieved: versions of its runs, and finished steps."""

    def count() -> int | None:
        from dartslurm.store.repository import Repository

        try:
            repository = Repository.open(store)
            total = 0
            for record in steps.all_steps(seat.path).values():
                if record.get("finished_exit_code") is not None:
                    total += 1
                if record.get("run_id"):
                    newest = repository.run(record["run_id"]).newest()
                    total += newest.number if newest else 0
            return total
        except DartError:
            return None

    return count


def _run_plain(job: JobFolder, script_args: list[str]) -> NoReturn:
    with open(job.script, encoding="utf-8", errors="replace") as file:
        interpreter = file.readline()[2:].strip().split(None, 1)
    os.execvp(interpreter[0], [*interpreter, job.script, *script_args])


def _say(what: str) -> None:
    sys.stderr.write(f"dart: {time.strftime('%Y-%m-%dT%H:%M:%S')} {what}\n")
    sys.stderr.flush()
