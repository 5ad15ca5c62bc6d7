"""``dart-verify``: re-read everything a run has, and name what is damaged.

Usage: dart-verify [options] [RUN]

Without a name every run of the store. Each damaged piece is one line: the file, what is wrong,
the versions and variables it touches. The last line of a run names its newest whole version.
Nothing is changed; a job may write meanwhile.

  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --json              one object with "schema": 1
  --help, --version

Exit codes: 0 all is whole, 2 usage, 3 no such run, 7 the store cannot be used, 8 something is
damaged, 9 not yours, or not signed with your key.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from dartslurm.cli.command import Command, Progress, one_run, open_repository, show_bytes
from dartslurm.errors import CorruptError, DartError, UntrustedError

if TYPE_CHECKING:
    from dartslurm.store.repository import Repository
    from dartslurm.store.verify import Damage, Verdict

NAME = "dart-verify"
DAMAGED = CorruptError.exit_code


def _verify(options: dict[str, str], words: list[str]) -> int:
    from dartslurm.store.verify import verify_run

    repository = open_repository(options)
    if words:
        run = one_run(repository, words, f"see {NAME} --help")
        verdicts = [verify_run(run, Progress(f"{NAME} {run.record.run_id}"))]
    else:
        verdicts = [_verify_named(repository, name) for name in repository.names()]
    if "--json" in options:
        print(json.dumps({"schema": 1, "runs": [asdict(each) for each in verdicts]}, indent=1))
    else:
        for verdict in verdicts:
            _print(verdict)
    if not all(verdict.is_trusted for verdict in verdicts):
        return UntrustedError.exit_code
    return DAMAGED if any(verdict.damages for verdict in verdicts) else 0


def _verify_named(repository: Repository, name: str) -> Verdict:
    """Verify one of several runs; one that cannot even be opened is a damage too."""
    from dartslurm.store.verify import Damage, Verdict, verify_run

    try:
        return verify_run(repository.run(name), Progress(f"{NAME} {name}"))
    except DartError as cause:
        damages = [Damage(f"{repository.root}/runs/{name}", cause.message)]
        trusted = not isinstance(cause, UntrustedError)
        return Verdict(name, damages=damages, is_trusted=trusted)


def _print(verdict: Verdict) -> None:
    for damage in verdict.damages:
        print(f"{verdict.run_id}: damaged: {_line(damage)}")
    newest = verdict.newest_whole
    state = f"{len(verdict.damages)} damaged" if verdict.damages else "all whole"
    print(
        f"{verdict.run_id}: {len(verdict.versions)} versions, {verdict.chunks} chunks, "
        f"{show_bytes(verdict.bytes_read)} read: {state}; "
        + (f"newest whole version: {newest}" if newest is not None else "no whole version")
    )


def _line(damage: Damage) -> str:
    parts = [f"{damage.path}: {damage.reason}"]
    if damage.digest:
        parts.append(f"chunk {damage.digest}")
    if damage.versions:
        parts.append(f"versions {_ranges(damage.versions)}")
    if damage.variables:
        parts.append(", ".join(damage.variables))
    return "; ".join(parts)


def _ranges(numbers: tuple[int, ...]) -> str:
    """Write numbers short: ``1, 3-7``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


COMMAND = Command(NAME, __doc__ or "", {"--json": False}, _verify)
main = COMMAND.main
entry = COMMAND.entry
