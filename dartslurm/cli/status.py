"""``dart-status``: jobs and runs of a store, their attempts, their last version, and what is next.

Takes job ids (none: all of the store); gives one line a job or array task, in the form of squeue.
Keeps: squeue is asked once; without Slurm, or when it does not answer, the rest is still shown.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dartslurm._version import __version__
from dartslurm.errors import DartError
from dartslurm.journal import Journal
from dartslurm.model.place import store_path
from dartslurm.slurm import client, jobs, steps
from dartslurm.store.repository import Repository

if TYPE_CHECKING:
    from dartslurm.model.version import Version

_ENDED = {"cancelled": "CA", "time limit": "TO", "preempted": "PR"}
COLUMNS = (
    "jobid", "run", "name", "st", "att", "commits", "last_commit", "age", "every", "left", "next",
)  # fmt: skip
"""Shown always; PURGE_IN stands before the last where ``DART_PURGE_DAYS`` is set."""
_SHORT = {
    "RUNNING": "R",
    "PENDING": "PD",
    "COMPLETING": "CG",
    "SUSPENDED": "S",
    "CONFIGURING": "CF",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One job or array task. Empty where nothing is known."""

    jobid: str
    run: str
    name: str
    st: str
    att: int
    commits: int
    last_commit: str
    age: str
    every: str
    """The interval between versions, and why it is that, as the newest one left it."""
    left: str
    next: str
    purge_in: str = "-"


def main(argv: list[str]) -> int:
    """Show the jobs of a store."""
    chosen = _parser().parse_args(argv)
    try:
        store = os.path.realpath(store_path(chosen.dart_store, os.environ))
        repository = Repository.open(store)
        lines = _lines(repository, chosen.ids)
    except DartError as error:
        sys.stderr.write(f"dart-status: {error}\n")
        return error.exit_code
    if chosen.json:
        sys.stdout.write(json.dumps({"schema": 1, "jobs": [asdict(line) for line in lines]}) + "\n")
        return 0
    separator = "|" if chosen.parsable else None
    _print(lines, header=not chosen.noheader, separator=separator)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dart-status",
        description="Show jobs and runs of a store: attempts, last version, what happens next.",
        epilog="exit codes: 0 shown, 2 usage, 3 no such store or job, 9 not yours",
    )
    parser.add_argument("ids", nargs="*", metavar="JOBID", help="only these jobs (123 or 123_4)")
    parser.add_argument("--dart-store", metavar="DIR", help="the store to look at")
    parser.add_argument("-n", "--noheader", action="store_true", help="no first line")
    parser.add_argument("-P", "--parsable", action="store_true", help="columns separated by |")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--version", action="version", version=f"dart-status {__version__}")
    return parser


def _lines(repository: Repository, ids: list[str]) -> list[Line]:
    queued = _queued()
    if ids:
        chosen = [jobs.find(repository.root, each) for each in ids]
    else:
        chosen = [(job, None) for job in jobs.every(repository.root)]
    lines: list[Line] = []
    for job, task in chosen:
        if not job.job_ids():
            continue
        seats = job.seats() or {None: job.seat(None)}
        for name, seat in seats.items():
            if task is None or task == name:
                lines.append(_line(repository, job, name, seat, queued))
    return lines


def _queued() -> dict[str, client.QueueRow]:
    try:
        return {row.job_id: row for row in client.queue()}
    except DartError as error:
        sys.stderr.write(f"dart-status: {error}\n")
        return {}


def _line(
    repository: Repository,
    job: jobs.JobFolder,
    task: str | None,
    seat: jobs.Seat,
    queued: dict[str, client.QueueRow],
) -> Line:
    job_id = job.job_ids()[-1] + (f"_{task}" if task else "")
    row = queued.get(job_id)
    run, commits, newest = _newest(repository, seat)
    return Line(
        jobid=job_id,
        run=run,
        name=job.submission().name,
        st=_state(row, seat),
        att=len(seat.attempts()),
        commits=commits,
        last_commit=_stamp(newest.time_utc) if newest else "-",
        age=_age(time.time() - newest.time_utc) if newest else "-",
        every=_every(repository, run),
        left=row.time_left if row and row.state == "RUNNING" else "-",
        next=_next(row, seat),
        purge_in=_purge_in(repository, run),
    )


def _newest(repository: Repository, seat: jobs.Seat) -> tuple[str, int, Version | None]:
    """The run that saved last, how many versions the job has in all, and the last of them."""
    found: list[tuple[str, Version]] = []
    commits, run_id = 0, "-"
    for record in steps.all_steps(seat.path).values():
        if not record.get("run_id"):
            continue
        run_id = record["run_id"]
        try:
            versions = repository.run(run_id).versions()
        except DartError:
            continue
        commits += len(versions)
        found += [(run_id, versions[-1])] if versions else []
    if not found:
        return run_id, commits, None
    run_id, newest = max(found, key=lambda pair: pair[1].time_utc)
    return run_id, commits, newest


def _every(repository: Repository, run_id: str) -> str:
    try:
        path = repository.run(run_id).journal_path if run_id != "-" else ""
    except DartError:
        return "-"
    row = Journal(path).newest("committed") if path else None
    seconds = row.get("interval_seconds") if row is not None else None
    if row is None or type(seconds) is not float:
        return "-"
    return f"{round(seconds, 1):g}s ({row.get('interval_reason')})"


def _purge_in(repository: Repository, run_id: str) -> str:
    """Days until the site's purge may take a file that the newest version needs."""
    days = os.environ.get("DART_PURGE_DAYS", "")
    if not days.isdecimal() or run_id == "-":
        return "-"
    try:
        changed = repository.run(run_id).oldest_change_utc()
    except DartError:
        return "-"
    if changed is None:
        return "-"
    left = changed + int(days) * 86400 - time.time()
    return "now" if left <= 0 else _age(left)


def _state(row: client.QueueRow | None, seat: jobs.Seat) -> str:
    if row is not None:
        return _SHORT.get(row.state, row.state[:2])
    mark = seat.finished()
    if mark is not None:
        return "CD" if mark["exit_code"] == 0 else "F"
    attempts = seat.attempts()
    return _ENDED.get(str(attempts[-1].cause), "-") if attempts else "-"


def _next(row: client.QueueRow | None, seat: jobs.Seat) -> str:
    plan = seat.next() or {"what": "start", "why": ""}
    said = f"{plan['what']}: {plan['why']}" if plan["why"] else str(plan["what"])
    if row is not None and row.state == "PENDING":
        return f"{row.reason} {row.start}".removesuffix(" N/A")
    if row is not None and row.state == "RUNNING":
        return str(plan["why"]) if plan["what"] == "running" else said
    if plan["what"] == "running" and row is None:
        return "stopped: it was killed; dart-resume goes on"
    return said


def _stamp(time_utc: float) -> str:
    local = time.localtime(time_utc)
    same_day = time.strftime("%F", local) == time.strftime("%F")
    return time.strftime("%H:%M:%S" if same_day else "%b%d %H:%M", local)


def _age(seconds: float) -> str:
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f}{letter}"
    return f"{max(0.0, seconds):.0f}s"


def _print(lines: list[Line], *, header: bool, separator: str | None) -> None:
    columns: tuple[str, ...] = COLUMNS
    if os.environ.get("DART_PURGE_DAYS", "").isdecimal():
        columns = (*COLUMNS[:-1], "purge_in", COLUMNS[-1])
    rows = [[str(getattr(line, name)) for name in columns] for line in lines]
    if header:
        rows.insert(0, [name.upper() for name in columns])
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(len(columns))]
    for row in rows:
        if separator:
            sys.stdout.write(separator.join(row) + "\n")
        else:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            sys.stdout.write("  ".join(cells).rstrip() + "\n")


def entry() -> None:
    """The console command."""
    sys.exit(main(sys.argv[1:]))
