"""``dart-log``: list the committed versions of a run, or of all runs of a job.

Usage: dart-log [options] [RUN|JOBID]

Without a name the newest run of the store. One line a version: number, time, cause, attempt,
node, place (file:line, function), bytes new and total, seconds that it stopped the program.

  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --json              one object with "schema": 1
  --noheader          no header line
  --help, --version
"""

from __future__ import annotations

import json
import os
import sys
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from dartslurm._version import __version__
from dartslurm.errors import DartError, UsageError
from dartslurm.launch.options import take_options

if TYPE_CHECKING:
    from dartslurm.model.version import Version
    from dartslurm.store.repository import Repository, Run

NAME = "dart-log"
_KNOWN = {
    "--dart-store": True, "--json": False, "--noheader": False, "--help": False, "--version": False,
}  # fmt: skip
_COLUMNS = ("VERSION", "TIME", "CAUSE", "ATT", "NODE", "NEW", "TOTAL", "PAUSE", "PLACE")


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    try:
        options, words = take_options(arguments, _KNOWN, NAME)
        while words and words[-1].startswith("--"):
            more, _ = take_options([words.pop()], _KNOWN, NAME)
            options.update(more)
        if "--help" in options:
            print((__doc__ or "").strip())
        elif "--version" in options:
            print(f"{NAME} {__version__}")
        else:
            _log(options, words)
    except DartError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _log(options: dict[str, str], words: list[str]) -> None:
    from dartslurm.model.place import store_path
    from dartslurm.store.repository import Repository

    if len(words) > 1:
        raise UsageError(f"one run at a time, not {len(words)}", remedy=f"see {NAME} --help")
    store = store_path(options.get("--dart-store"), dict(os.environ))
    repository = Repository.open(store)
    runs = _runs(repository, words[0] if words else None)
    if "--json" in options:
        print(json.dumps(_as_json(runs), indent=1))
        return
    rows = [row for run in runs for row in _rows(run, several=len(runs) > 1)]
    _print_table(rows, header="--noheader" not in options)


def _runs(repository: Repository, name: str | None) -> list[Run]:
    from dartslurm.launch.runs import find_run

    if name is None or name.startswith("r-"):
        return [find_run(repository, name)]
    from dartslurm.slurm.jobs import runs_of_job

    return [repository.run(run_id) for run_id in runs_of_job(repository.root, name)]


def _as_json(runs: list[Run]) -> dict[str, Any]:
    first = _run_json(runs[0]) if runs else {"run": None, "versions": []}
    return {"schema": 1, **first, "runs": [_run_json(run) for run in runs]}


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.record.run_id,
        "argv": run.record.argv,
        "exit_code": run.record.exit_code,
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
                _size(version.bytes_new),
                _size(version.bytes_total),
                f"{version.pause_seconds:.3f}s",
                version.place,
            )
        )
    return rows


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "K", "M", "G"):
        if value < 1024:
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"


def _print_table(rows: list[tuple[str, ...]], *, header: bool) -> None:
    lines = [_COLUMNS, *rows] if header else rows
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(_COLUMNS) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[-1]]).rstrip())


def entry() -> None:
    """Console script."""
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
