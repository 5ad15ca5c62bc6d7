"""``dart-copy``: bring a run, or what is missing of it, to another store.

Usage: dart-copy [options] RUN DEST

DEST is the other store, on any mounted path; it is made if it is not there. What it has already
is not copied again, so a copy that was cut off goes on, and a later one brings only the new
versions. Every byte is verified on the other disk before a version appears there. To go on with
the run there: dart-resume --here RUN --dart-store=DEST.

  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --help, --version

Exit codes: 0 all is there, 2 usage, 3 no such run, 5 DEST has another run of this name, 7 a store
cannot be used, 8 a version is damaged and was left out, 9 not yours.
"""

from __future__ import annotations

import sys
from os.path import expanduser

from dartslurm.cli.command import Command, Progress, one_run, open_repository, show_bytes
from dartslurm.errors import CorruptError, UsageError

NAME = "dart-copy"


def _copy(options: dict[str, str], words: list[str]) -> int:
    from dartslurm.store.copy import copy_run
    from dartslurm.store.repository import Repository

    if len(words) != 2:
        raise UsageError("give RUN and DEST", remedy=f"see {NAME} --help")
    source = open_repository(options)
    run = one_run(source, words[:1], f"see {NAME} --help")
    target = Repository.open(expanduser(words[1]), create=True)
    if target.root == source.root:
        raise UsageError(f"{words[1]} is the store of the run", remedy="name another one")
    done = copy_run(run, target, Progress(NAME))
    for number, reason in done.damaged.items():
        print(f"{NAME}: version {number} is left out: {reason}", file=sys.stderr)
    print(
        f"{done.run_id}: {len(done.versions)} versions copied, {done.had} were there; "
        f"{show_bytes(done.bytes_copied)} in {done.files} files"
    )
    return CorruptError.exit_code if done.damaged else 0


COMMAND = Command(NAME, __doc__ or "", {}, _copy)
main = COMMAND.main
entry = COMMAND.entry
