"""``dart-drill``: does a program survive being stopped anywhere?

Usage: dart-drill [options] SCRIPT [ARGS]
       dart-drill [options] -m MODULE [ARGS]
       dart-drill [options] -c CODE [ARGS]

Runs the program plainly, twice; then under capture, stopped by SIGUSR1 and by SIGKILL at random
instants and resumed in a fresh process with another working directory, hash seed and address
layout. Standard output, standard error, files and exit code must be those of the plain run. All
this happens on copies of the working directory (and of the script's, if that is another) in a
temporary folder, at most 1 GiB.

  --trials=N          trials by each of the two signals (default 3)
  --stops=N           stops in one trial (default 2)
  --every             instead: one trial for each safe point (for programs of few statements)
  --seed=TEXT         chooses the random instants (default 1)
  --keep=FOLDER       work there and leave what the last trial left (it must not exist)
  --json              one object with "schema": 1
  --help, --version

Exit codes: 0 all equal, 1 a trial differs, 2 usage, 11 the two plain runs differ already.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslurm.cli.command import Command
from dartslurm.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dartslurm.drill.bench import Subject
    from dartslurm.drill.outcome import Outcome
    from dartslurm.drill.trials import Trial

NAME = "dart-drill"
DIFFERS, NOT_DETERMINISTIC = 1, 11
_KNOWN = {
    "--trials": True, "--stops": True, "--every": False, "--seed": True, "--keep": True,
    "--json": False,
}  # fmt: skip


def _drill(options: dict[str, str], words: list[str]) -> int:
    from dartslurm.drill.bench import take_subject
    from dartslurm.drill.outcome import differences
    from dartslurm.drill.trials import run_plain
    from dartslurm.launch.support import why_not

    if "--dart-store" in options:
        raise UsageError("a drill has stores of its own", remedy=f"see {NAME} --help")
    counts = {name: _count(options, name, default) for name, default in _DEFAULTS.items()}
    reason = why_not()
    if reason:
        raise UsageError(reason, kind="interpreter", remedy="use CPython 3.11, 3.12 or 3.13")
    with _place(options.get("--keep")) as place, _progress() as step:
        subject = take_subject(words, place)
        step("plain")
        plain = run_plain(subject, place / "run")
        step("plain, again")
        unlike = differences(plain[0], run_plain(subject, place / "run")[0])
        trials: list[Trial] = []
        if not unlike:
            for trial in _trials(subject, plain, place / "run", options, counts):
                trials.append(trial)
                step(f"{trial.mode} {trial.seed}: {'DIFFERS' if trial.problems else 'equal'}")
    shown = _describe(subject, plain, unlike, trials)
    if "--json" in options:
        print(json.dumps(shown, indent=1))
    else:
        print("\n".join(_lines(shown, trials)))
    if unlike:
        return NOT_DETERMINISTIC
    return DIFFERS if any(trial.problems for trial in trials) else 0


_DEFAULTS = {"--trials": 3, "--stops": 2}


def _count(options: dict[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{name}={text} is no number above 0", remedy=f"see {NAME} --help")
    return int(text)


def _trials(
    subject: Subject,
    plain: tuple[Outcome, float],
    folder: Path,
    options: dict[str, str],
    counts: dict[str, int],
) -> Iterator[Trial]:
    from dartslurm.drill.trials import every_point, run_killed, run_signalled

    if "--every" in options:
        yield from every_point(subject, plain[0], folder, plain[1])
        return
    seed = options.get("--seed", "1")
    for number in range(counts["--trials"]):
        for run in (run_signalled, run_killed):
            yield run(subject, plain, folder, seed=f"{seed}.{number}", stops=counts["--stops"])


@contextmanager
def _place(keep: str | None) -> Iterator[Path]:
    if keep is None:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="dart-drill-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    place = Path(keep).absolute()
    if place.exists():
        raise UsageError(f"{keep} exists already", remedy="name a folder that does not")
    if Path.cwd() in place.parents:
        raise UsageError(f"{keep} lies in the folder to be copied", remedy="name one elsewhere")
    os.makedirs(place)
    yield place


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{NAME}: copying") as status:
        done: list[str] = []

        def step(text: str) -> None:
            done.append(text)
            status.update(f"{NAME}: {len(done)} runs begun; {text}")

        yield step


def _describe(
    subject: Subject, plain: tuple[Outcome, float], unlike: list[str], trials: list[Trial]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "program": subject.name,
        "plain_seconds": round(plain[1], 3),
        "plain_exit_code": plain[0].exit_code,
        "deterministic": not unlike,
        "plain_runs_differ_in": unlike,
        "equal": sum(not trial.problems for trial in trials),
        "trials": [asdict(trial) for trial in trials],
    }


def _lines(shown: dict[str, Any], trials: list[Trial]) -> list[str]:
    lines = [
        f"{shown['program']}: {shown['plain_seconds']} s plain, "
        f"exit code {shown['plain_exit_code']}"
    ]
    if not shown["deterministic"]:
        lines.append("two plain runs differ: the program is not deterministic, in")
        return lines + [f"  {text}" for text in shown["plain_runs_differ_in"]]
    rows = [("TRIAL", "STOPS", "RESULT")]
    for trial in trials:
        result = "DIFFERS" if trial.problems else "equal"
        rows.append((f"{trial.mode} {trial.seed}", str(len(trial.stops)), result))
    widths = [max(len(row[index]) for row in rows) for index in range(3)]
    lines += ["  ".join(f"{row[i]:{widths[i]}}" for i in range(3)).rstrip() for row in rows]
    lines += [str(trial) for trial in trials if trial.problems]
    return [*lines, f"{shown['equal']} of {len(trials)} trials equal"]


COMMAND = Command(NAME, __doc__ or "", _KNOWN, _drill, leading=True)
main = COMMAND.main
entry = COMMAND.entry
