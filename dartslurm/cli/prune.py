"""``dart-prune``: remove old versions of runs, and free what only they held.

Usage: dart-prune [options] RUN...
       dart-prune [options] --all

What goes and what it frees is shown first. A version goes if no rule keeps it; with --older-than
only if it is older, too. The newest version, and the newest that is whole, always stay. A job may
write meanwhile: what it may still refer to stays until the next pruning.

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
    from dartslurm.store.prune import Keep, Plan

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
        if "--dry-run" not in options:
            done = carry_out(plan, keep)
            print(f"{run_id}: freed {_freed(done)}", flush=True)
    return 0


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
