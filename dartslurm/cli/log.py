"""``dart-log``: list the committed versions of a run, or of all runs of a job.

Usage: dart-log [options] [RUN|JOBID]

Without a name the newest run of the store. One line a version: number, time, cause, attempt,
node, place (file:line, function), bytes new and total, seconds that it stopped the program. When
no instant for a version was found for long, a last line says since when, and why.

  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --json              one object with "schema": 1
  --noheader          no header line
  --help, --version
"""

from __future__ import annotations

import json
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from dartslurm.cli.command import (
    SHORT_UNITS,
    Command,
    chosen_runs,
    open_repository,
    show_bytes,
)
from dartslurm.errors import UsageError
from dartslurm.journal import Journal

if TYPE_CHECKING:
    from dartslurm.model.version import Version
    from dartslurm.store.repository import Run

NAME = "dart-log"
_COLUMNS = ("VERSION", "TIME", "CAUSE", "ATT", "NODE", "NEW", "TOTAL", "PAUSE", "PLACE")


def _log(options: dict[str, str], words: list[str]) -> int:
    if len(words) > 1:
        raise UsageError(f"one run at a time, not {len(words)}", remedy=f"see {NAME} --help")
    runs = chosen_runs(open_repository(options), words[0] if words else None)
    if "--json" in options:
        print(json.dumps(_as_json(runs), indent=1))
        return 0
    rows = [row for run in runs for row in _rows(run, several=len(runs) > 1)]
    _print_table(rows, header="--noheader" not in options)
    for run in runs:
        waiting = waiting_for(run)
        if waiting:
            since = strftime("%Y-%m-%dT%H:%M:%S", localtime(waiting["since_utc"]))
            print(f"{run.record.run_id}: no version since {since}: {waiting['reason']}")
    return 0


def waiting_for(run: Run) -> dict[str, Any] | None:
    """Return since when the newest request has found no instant, and why; ``None`` if it has."""
    found = None
    for row in Journal(run.journal_path).read():
        if row["event"] == "waiting":
            since = row["time_utc"] - row["waited_seconds"]
            found = {"since_utc": round(since, 3), "reason": row["waited_for"]}
        elif row["event"] in ("captured", "attempt", "finished"):
            found = None
    return found


def _as_json(runs: list[Run]) -> dict[str, Any]:
    first = _run_json(runs[0]) if runs else {"run": None, "versions": []}
    return {"schema": 1, **first, "runs": [_run_json(run) for run in runs]}


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.record.run_id,
        "argv": run.record.argv,
        "exit_code": run.record.exit_code,
        "waiting": waiting_for(run),
        "versions": [_version_json(version) for version in run.versions()],
    }


def _version_json(version: Version) -> dict[str, Any]:
    names = (
        "number", "parent", "time_utc", "cause", "place", "bytes_new", "bytes_total",
        "pause_seconds", "commit_seconds", "attempt", "epoch", "node",
    )  # fmt: skip
    return {name: getattr(version, name) for name in names}


def _rows(run: Run, *, several: bool) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for version in run.versions():
        number = f"{run.record.run_id}@{version.number}" if several else str(version.number)
        rows.append(
            (
                number,
                strftime("%Y-%m-%dT%H:%M:%S", localtime(version.time_utc)),
                version.cause,
                str(version.attempt),
                version.node,
                show_bytes(version.bytes_new, SHORT_UNITS),
                show_bytes(version.bytes_total, SHORT_UNITS),
                f"{version.pause_seconds:.3f}s",
                version.place,
            )
        )
    return rows


def _print_table(rows: list[tuple[str, ...]], *, header: bool) -> None:
    lines = [_COLUMNS, *rows] if header else rows
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(_COLUMNS) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[-1]]).rstrip())


COMMAND = Command(NAME, __doc__ or "", {"--json": False, "--noheader": False}, _log)
main = COMMAND.main
entry = COMMAND.entry
