"""``dart-prune``: remove old versions of runs, and free what only they held.

Usage: dart-prune [options] RUN...
       dart-prune [options] --all

What goes and what it frees is shown first. A version goes if no rule keeps it; with --older-than
only if it is older, too. The newest version, and the newest that is whole, always stay. A job may
write meanwhile: what it may still refer to stays until the next pruning. With the versions go the
old bytes of the program's files that are kept for going back to them only.

  --keep=N            keep the newest N versions
  --keep-every=N      keep the versions whose number is a multiple of N
  --keep-tagged       keep the versions that have a tag
  --older-than=AGE    remove only versions older than this: 90s, 30m, 12h, 30d
  --dry-run           show what would go, and change nothing
  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --help, --version

Exit codes: 0 done, 2 usage, 3 no such run, 5 somebody else prunes it, 7 the store cannot be used,
8 damaged, 9 not yours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dartslurm.cli.command import Command, open_repository, show_bytes
from dartslurm.errors import UsageError

if TYPE_CHECKING:
    from dartslurm.state.outside.undo_log import UndoLog
    from dartslurm.store.prune import Keep, Plan
    from dartslurm.store.repository import Run

NAME = "dart-prune"
_KNOWN = {
    "--keep": True, "--keep-every": True, "--keep-tagged": False, "--older-than": True,
    "--dry-run": False, "--all": False,
}  # fmt: skip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _prune(options: dict[str, str], words: list[str]) -> int:
    from dartslurm.store.prune import carry_out, plan_prune

    keep = _keep(options)
    if bool(words) == ("--all" in options):
        raise UsageError("name the runs, or give --all", remedy=f"see {NAME} --help")
    repository = open_repository(options)
    for run_id in words or repository.names():
        run = repository.run(run_id)
        plan = plan_prune(run.path, keep)
        print(f"{run_id}: {_shown(plan)}", flush=True)
        _show_old_files(run, plan.staying)
        if "--dry-run" not in options:
            done = carry_out(plan, keep)
            print(f"{run_id}: freed {_freed(done)}", flush=True)
            _free_old_files(run, done.staying)
    return 0


def _old_files(run: Run, staying: list[int]) -> tuple[UndoLog, list[str], int] | None:
    """Find the old bytes of the program's files that no version needs; ``None`` without any.

    In doubt everything is needed: if a version cannot be read, or its writer may be alive and
    hold files open.
    """
    from dartslurm.state.outside.undo_log import UndoLog
    from dartslurm.store.signature import line_signer

    if run.damaged() or not staying:
        return None
    found = [run.version(number).meta.get("files") or {} for number in staying]
    marks = [int(each.get("mark") or 0) for each in found]
    held = {entry.get("kept") for each in found for entry in (each.get("held") or {}).values()}
    is_dead = (run.holder() or {}).get("alive") is False
    log = UndoLog(f"{run.path}/undo", line_signer(f"undo log of {run.record.run_id}"))
    names = log.unneeded(marks, held if is_dead else None)
    return (log, names, min(marks)) if names else None


def _show_old_files(run: Run, staying: list[int]) -> None:
    old = _old_files(run, staying)
    if old is not None:
        log, names, _ = old
        freed = sum(log.freed_bytes(name) for name in names)
        print(
            f"{run.record.run_id}: frees {show_bytes(freed)} ({freed} bytes), {len(names)} files "
            "of old bytes of the program's files",
            flush=True,
        )


def _free_old_files(run: Run, staying: list[int]) -> None:
    old = _old_files(run, staying)
    if old is not None:
        log, names, mark = old
        log.free(names, mark)


def _shown(plan: Plan) -> str:
    total = len(plan.going) + len(plan.staying)
    names = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in _spans(plan.staying))
    return f"{len(plan.going)} of {total} versions go, {names} stay: frees {_freed(plan)}"


def _freed(plan: Plan) -> str:
    return f"{show_bytes(plan.bytes_freed)} ({plan.bytes_freed} bytes), {plan.files_freed} files"


def _spans(numbers: list[int]) -> list[list[int]]:
    from dartslurm.store.versions import spans_of

    return spans_of(numbers)


def _keep(options: dict[str, str]) -> Keep:
    from dartslurm.store.prune import Keep

    return Keep(
        last=_count(options, "--keep"),
        every=_count(options, "--keep-every"),
        tagged="--keep-tagged" in options,
        older_than_seconds=_age(options.get("--older-than")),
    )


def _count(options: dict[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{name}={text} is no number above 0", remedy=f"see {NAME} --help")
    return int(text)


def _age(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if found is None:
        raise UsageError(f"--older-than={text} is no age such as 30d", remedy=f"see {NAME} --help")
    return float(found[1]) * _UNITS[found[2]]


COMMAND = Command(NAME, __doc__ or "", _KNOWN, _prune)
main = COMMAND.main
entry = COMMAND.entry
