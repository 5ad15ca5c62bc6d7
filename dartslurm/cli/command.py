"""The frame of a command: options, help, version, errors, exit code, progress.

Takes what the command is called, its usage text and what it does; gives its ``main`` and its
console script. Keeps: standard output carries results only; every failure is one line on
standard error that begins with the command's name.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from dartslurm._version import __version__
from dartslurm.errors import DartError, InternalError, NoVersionError, UsageError, begun
from dartslurm.launch.options import take_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.store.repository import Repository, Run

_INTERRUPTED = 130
_COMMON = {"--dart-store": True, "--help": False, "--version": False}


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``known`` maps its options to whether they take a value.

    With ``leading`` options end at the first other word: the rest is a program's own.
    """

    name: str
    usage: str
    known: dict[str, bool]
    act: Callable[[dict[str, str], list[str]], int]
    leading: bool = False

    def main(self, arguments: list[str]) -> int:
        """Run the command and return its exit code."""
        try:
            options, words = self._split(arguments)
            if "--help" in options:
                print(self.usage.strip())
            elif "--version" in options:
                print(f"{self.name} {__version__}")
            else:
                return self.act(options, words)
        except (Exception, KeyboardInterrupt) as error:
            if begun:
                raise
            return self._fail(error)
        return 0

    def _fail(self, error: Exception | KeyboardInterrupt) -> int:
        if isinstance(error, KeyboardInterrupt):
            return _INTERRUPTED
        if isinstance(error, BrokenPipeError):
            raise error  # for `entry`
        if not isinstance(error, DartError):
            error = InternalError(
                f"{type(error).__name__}: {error} ({_place(error)})", remedy="please report this"
            )
        print(f"{self.name}: {error}", file=sys.stderr)
        return error.exit_code

    def _split(self, arguments: list[str]) -> tuple[dict[str, str], list[str]]:
        if self.leading:
            return take_options(arguments, {**_COMMON, **self.known}, self.name)
        options: dict[str, str] = {}
        words: list[str] = []
        rest = arguments
        while rest:
            found, rest = take_options(rest, {**_COMMON, **self.known}, self.name)
            options.update(found)
            words += rest[:1]
            rest = rest[1:]
        return options, words

    def entry(self) -> None:
        """Be the console script."""
        try:
            sys.exit(self.main(sys.argv[1:]))
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(0)


def _place(error: Exception) -> str:
    walk = error.__traceback__
    while walk is not None and walk.tb_next is not None:
        walk = walk.tb_next
    return f"{os.path.basename(walk.tb_frame.f_code.co_filename)}:{walk.tb_lineno}" if walk else "?"


def open_repository(options: dict[str, str]) -> Repository:
    """Open the store that the options or the environment name."""
    from dartslurm.model.place import store_path
    from dartslurm.store.repository import Repository

    return Repository.open(store_path(options.get("--dart-store"), dict(os.environ)))


def one_run(repository: Repository, words: list[str], usage: str) -> Run:
    """Find the run that one word names, the newest without a word.

    Raises:
        UsageError: if there are several words.
        NotFoundError: if there is no such run.
    """
    if len(words) > 1:
        raise UsageError(f"one run at a time, not {len(words)}", remedy=usage)
    return repository.run_or_newest(words[0] if words else None)


def chosen_runs(repository: Repository, name: str | None) -> list[Run]:
    """Find the run of this name, the newest without a name, or the runs of a job, oldest first.

    Raises:
        NotFoundError: if there is none.
    """
    if name is None or name.startswith("r-"):
        return [repository.run_or_newest(name)]
    from dartslurm.slurm.jobs import runs_of_job

    return [repository.run(run_id) for run_id in runs_of_job(repository.root, name)]


def split_version(word: str) -> tuple[str | None, int | None]:
    """Read ``RUN@V``, ``RUN`` or ``@V``.

    Raises:
        NoVersionError: if V is no number.
    """
    run_id, at, number = word.partition("@")
    if at and not number.isdecimal():
        raise NoVersionError(f"{word!r} names no version by number", remedy="see dart-log")
    return run_id or None, int(number) if at else None


UNITS = (" B", " KiB", " MiB", " GiB", " TiB")
SHORT_UNITS = ("B", "K", "M", "G", "T")


def show_bytes(count: int, units: tuple[str, ...] = UNITS) -> str:
    """Write a size for people."""
    value, steps = float(count), 0
    while value >= 1024 and steps < len(units) - 1:
        value, steps = value / 1024, steps + 1
    return f"{value:.{min(steps, 1)}f}{units[steps]}"


class Progress:
    """A line on standard error that says how far a long command is; silent if nobody looks."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Show it, at most five times a second."""
        now = monotonic()
        if not self._shown or (now < self._next and done_bytes < total_bytes):
            return
        self._next = now + 0.2
        share = 100 * done_bytes // max(total_bytes, 1)
        text = f"{self._what}: {show_bytes(done_bytes)} of {show_bytes(total_bytes)}, {share} %"
        sys.stderr.write(f"\r{text}\x1b[K" + ("\n" if done_bytes >= total_bytes else ""))
        sys.stderr.flush()
