"""``dart-resume``: let a run go on from its newest committed version.

Usage: dart-resume [options] --here [RUN[@VERSION]]
       dart-resume [options] JOBID[@VERSION] [sbatch options]

With --here it goes on in this shell (the newest run of the store when none is named). With a job
id the job is brought back: requeued, or submitted anew, on another node where one is free.

  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --at=VERSION        as @VERSION: go on from it instead of the newest whole one
  --allow-drift       go on although a source file has changed; the old code goes on
  --dart-interval=SEC, --dart-overhead=PCT, --dart-memory=SIZE, --dart-quota=SIZE    as for dart-run
  --help, --version

Exit codes: the program's own; 2 usage, 3 no such run or job, 4 no such version, 5 the run is
alive elsewhere, 6 source or interpreter differ, 7 the store cannot be used, 8 damaged.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dartslurm.cli.command import Command, split_version
from dartslurm.errors import NoVersionError, UsageError
from dartslurm.launch.notice import hold_back

if TYPE_CHECKING:
    from dartslurm.store.repository import Run

NAME = "dart-resume"
_KNOWN = {
    "--dart-interval": True, "--dart-overhead": True, "--dart-memory": True, "--dart-quota": True,
    "--at": True, "--allow-drift": False, "--here": False,
}  # fmt: skip


def _resume(options: dict[str, str], words: list[str]) -> int:
    name, at = split_version(words[0]) if words else (None, None)
    if at is None:
        at = _version(options.get("--at"))
    elif "--at" in options:
        raise UsageError(f"two versions given: {words[0]} and --at", remedy="give one of them")
    if words:
        words = [*([name] if name else []), *words[1:]]
    return _here(options, words, at) if "--here" in options else _job(options, words, at)


def _here(options: dict[str, str], words: list[str], at: int | None) -> int:
    from dartslurm.launch.interpreter_start import ensure_hash_seed
    from dartslurm.model.place import store_path
    from dartslurm.store.repository import Repository

    if len(words) > 1:
        raise UsageError(f"one run at a time, not {len(words)}", remedy=f"see {NAME} --help")
    store = store_path(options.get("--dart-store"), dict(os.environ))
    run = Repository.open(store).run_or_newest(words[0] if words else None)
    if run.record.exit_code == 0 and at is None:
        print(f"{NAME}: {run.record.run_id} has finished with exit code 0", file=sys.stderr)
        return 0
    run.check_not_alive()
    ensure_hash_seed(run.record.hash_seed)
    return _go_on(run, options, at)


def _go_on(run: Run, options: dict[str, str], at: int | None) -> int:
    """Let it go on in this process, the second one: what the first imports takes its time twice."""
    from dartslurm.launch.runs import begin_again, continue_run, settings_from
    from dartslurm.launch.support import why_not

    reason = why_not()
    if reason:
        raise UsageError(reason, kind="interpreter", remedy="use CPython 3.11, 3.12 or 3.13")
    settings = settings_from(dict(os.environ), options)
    if at is None and not run.versions() and not run.damaged():
        begin_again(run, settings)
        return 0
    continue_run(run, settings, at=at, allow_drift="--allow-drift" in options)
    return 0


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit():
        raise NoVersionError(f"--at={text} is no version number", remedy="see dart-log")
    return int(text)


def _job(options: dict[str, str], words: list[str], at: int | None) -> int:
    if not words:
        raise UsageError("no job given", remedy="write dart-resume JOBID, or dart-resume --here")
    from dartslurm.model.place import store_path
    from dartslurm.slurm.resume_job import Chosen, resume_job

    store = store_path(options.get("--dart-store"), dict(os.environ))
    chosen = None if at is None else Chosen(*_run_with(store, words[0], at), at)
    return resume_job(words[0], words[1:], store, chosen=chosen)


def _run_with(store: str, job_id: str, at: int) -> tuple[str, int]:
    """Find the program of a job that ``--at`` means: the last one. Gives its newest version too.

    Raises:
        NoVersionError: if it has no such version.
    """
    from dartslurm.slurm.jobs import runs_of_job
    from dartslurm.store.repository import Repository

    run = Repository.open(store).run(runs_of_job(store, job_id)[-1])
    run.version(at)
    return run.record.run_id, run.versions()[-1].number


COMMAND = Command(NAME, __doc__ or "", _KNOWN, _resume, leading=True)
main = COMMAND.main


def entry() -> None:
    """Console script."""
    hold_back()
    sys.exit(main(sys.argv[1:]))
