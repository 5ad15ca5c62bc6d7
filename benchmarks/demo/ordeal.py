"""Run a script twice: plainly, and under capture with SIGKILL at random instants.

Takes the script and a folder; gives the kills, the versions and the two folders of outputs. Uses
only what a user has: ``dart-run``, ``dart-resume --here`` and ``dart-log --json``. Keeps: each
kill comes after at least one version that is newer than the last start, every attempt is a process
of its own, and all attempts append to the same output file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

LONGEST_WAIT_SECONDS = 8.0
"""A kill comes at most so long after the version that allows it."""

STUCK_SECONDS = 60.0
"""An attempt that commits nothing for so long, and does not end, has failed."""

LOOK_SECONDS = 1.0
"""How often ``dart-log`` is asked while a kill is due; four times less often afterwards."""


class OrdealError(Exception):
    """The demonstration cannot go on; the message says why."""


@dataclass(frozen=True)
class Kill:
    """One SIGKILL: when, and what of the work was lost.

    Units:
        ``after_seconds`` since the first start; ``redone_seconds`` since the last version.
    """

    after_seconds: float
    version: int
    place: str
    redone_seconds: float


@dataclass
class Process:
    """One of the two runs: its folder and its present process."""

    folder: Path
    popen: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    took_seconds: float | None = None

    @property
    def output(self) -> Path:
        """The file that takes the standard output of every attempt."""
        return self.folder / "output.txt"

    def start(self, command: list[str], environ: dict[str, str], where: Path) -> None:
        """Start an attempt, with its streams appended to the files of the ones before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.began = self.began or time.monotonic()
        with self.output.open("ab") as out, (self.folder / "errors.txt").open("ab") as errors:
            self.popen = subprocess.Popen(
                command, cwd=where, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
            )

    def ended(self) -> bool:
        """Tell whether the program has come to its end.

        Raises:
            OrdealError: if it ended in another way than with exit code 0.
        """
        if self.took_seconds is None and self.popen and self.popen.poll() is not None:
            if self.popen.returncode != 0:
                said = (self.folder / "errors.txt").read_text(errors="replace").splitlines()
                last = "\n".join(said[-15:])
                raise OrdealError(f"an attempt ended with {self.popen.returncode}:\n{last}")
            self.took_seconds = time.monotonic() - self.began
        return self.took_seconds is not None

    def kill(self) -> None:
        """Send SIGKILL and wait until the process is gone."""
        if self.popen and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def last_line(self) -> str:
        """Return the last line of output so far."""
        lines = self.output.read_text(errors="replace").splitlines() if self.popen else []
        return lines[-1] if lines else ""


@dataclass
class Ordeal:
    """Both runs and everything known about them; `step` moves on what is due."""

    script: Path
    folder: Path
    kills_wanted: int
    interval_seconds: float
    dice: random.Random
    kills: list[Kill] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    _version_at_start: int = 0
    _kill_at: float | None = None
    _looked: float = 0.0
    _moved: float = 0.0

    def __post_init__(self) -> None:
        self.plain = Process(self.folder / "plain")
        self.captured = Process(self.folder / "captured")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
        # Two programs share the machine: one thread each.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        ours = {
            "DART_STORE": str(self.folder / "store"),
            "DART_INTERVAL": f"{self.interval_seconds:g}",
        }
        self._environ = {**kept, **threads, **ours}

    def start(self) -> None:
        """Start both runs."""
        self.plain.start([sys.executable, str(self.script)], self._environ, self._home(self.plain))
        self._attempt("dart-run", str(self.script))
        self.events.append("started both")

    def step(self) -> bool:
        """Do what is due now; return True when both runs have ended."""
        plain_ended = self.plain.ended()
        if self.captured.ended():
            self._look(wait_seconds=LOOK_SECONDS)
            return plain_ended
        more_kills = len(self.kills) < self.kills_wanted
        if self._look(wait_seconds=LOOK_SECONDS if more_kills else 4 * LOOK_SECONDS):
            self._plan_kill()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_and_resume()
        return False

    def stop(self) -> None:
        """Leave no process behind."""
        self.plain.kill()
        self.captured.kill()

    def _home(self, process: Process) -> Path:
        home = process.folder / "files"
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _attempt(self, name: str, *arguments: str) -> None:
        where = self._home(self.captured)
        self.captured.start([_installed(name), *arguments], self._environ, where)
        self._moved = time.monotonic()

    def _look(self, *, wait_seconds: float = 0.0) -> bool:
        """Ask ``dart-log`` for the versions (before the first one it knows no run).

        Returns False without asking when the last look is less than ``wait_seconds`` ago.
        """
        if time.monotonic() - self._looked < wait_seconds:
            return False
        command = [_installed("dart-log"), "--json"]
        asked = subprocess.run(command, env=self._environ, capture_output=True, check=False)
        self._looked = time.monotonic()
        found = json.loads(asked.stdout)["versions"] if asked.returncode == 0 else []
        if len(found) > len(self.versions):
            self._moved = time.monotonic()
        self.versions = found
        return True

    def _plan_kill(self) -> None:
        if time.monotonic() - self._moved > STUCK_SECONDS:
            raise OrdealError(f"no new version in {STUCK_SECONDS:.0f} s")
        if self._kill_at is not None or len(self.kills) >= self.kills_wanted:
            return
        if self.versions and self.versions[-1]["number"] > self._version_at_start:
            self._kill_at = time.monotonic() + self.dice.uniform(0, LONGEST_WAIT_SECONDS)

    def _kill_and_resume(self) -> None:
        self.captured.kill()
        if self.captured.popen and self.captured.popen.returncode == 0:
            return  # it had ended an instant before
        killed_utc, killed = time.time(), time.monotonic()
        self._look()
        last = self.versions[-1]
        kill = Kill(
            after_seconds=killed - self.captured.began,
            version=last["number"],
            place=short_place(last["place"]),
            redone_seconds=max(0.0, killed_utc - last["time_utc"]),
        )
        self.kills.append(kill)
        self.events.append(
            f"SIGKILL {len(self.kills)} after {kill.after_seconds:.1f} s; on from version "
            f"{kill.version} at {kill.place}; {kill.redone_seconds:.1f} s redone"
        )
        self._version_at_start, self._kill_at = last["number"], None
        self._attempt("dart-resume", "--here")


def short_place(place: str) -> str:
    """Return ``file:line, function`` without the folders before the file."""
    return place.rpartition("/")[2]


def _installed(command: str) -> str:
    """Return the path of one of our commands, in the environment of this Python."""
    return str(Path(sys.executable).with_name(command))
