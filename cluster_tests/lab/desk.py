"""One user's desk on the cluster: a folder, a store, the commands, and the jobs submitted there.

Takes a running cluster; gives jobs whose state, output and attempts a test can wait for. Keeps:
nothing waits without a limit, and a limit that passes says what the job printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import Cluster

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY"}


@dataclass
class Done:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder on the cluster, with a store in it."""

    cluster: Cluster
    path: Path
    python: str = sys.executable
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.path / "store"

    def write(self, name: str, text: str) -> Path:
        """Put a file on the desk, executable where it has a first line for that."""
        path = self.path / name
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
        return path

    def program(self, name: str) -> Path:
        """Put one of the test programs on the desk."""
        return Path(shutil.copy(PROGRAMS / name, self.path / name))

    def shell(self, *argv: str, **environ: str) -> Done:
        """Run a command at the desk."""
        given = {**os.environ, **self.cluster.environ, **self.environ, **environ}
        for name in ("PYTHONPATH", "DART_STORE", "SCRATCH"):
            if name not in environ and name not in self.environ:
                given.pop(name, None)
        done = subprocess.run(
            argv, cwd=self.path, env=given, capture_output=True, text=True, check=False, timeout=120
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def dart(self, command: str, *argv: str, **environ: str) -> Done:
        """Run one of our commands: the installed one, or that of the checkout."""
        installed = Path(sys.executable).with_name(f"dart-{command}")
        if installed.exists():
            return self.shell(str(installed), *argv, **environ)
        start = f"from dartslurm.cli.{command} import entry; entry()"
        environ.setdefault("PYTHONPATH", str(CHECKOUT))
        return self.shell(sys.executable, "-c", start, *argv, **environ)

    def submit(self, text: str, *options: str, script: str = "job.sh", args: tuple[str, ...] = ()):
        """Submit a job script with ``dart-sbatch``; its output goes to one file, appended."""
        self.write(script, text)
        argv = [f"--dart-store={self.store}", "--dart-interval=2", "-o", "out-%j.txt"]
        done = self.dart("sbatch", *argv, *options, script, *args)
        assert done.code == 0, done.err
        match = re.search(r"Submitted batch job (\d+)", done.out)
        assert match, done.out
        return Job(self, match.group(1), done.err)


@dataclass
class Job:
    """One job of Slurm."""

    desk: Desk
    job_id: str
    said: str = ""

    def show(self) -> dict[str, str]:
        """Every field of ``scontrol show job``."""
        said = self.desk.cluster.run(["scontrol", "-o", "show", "job", self.job_id])
        return dict(re.findall(r"(?:^| )([A-Za-z][\w/:&]*)=(\S*)", said.splitlines()[-1]))

    def wait_state(self, *states: str, seconds: float = 60.0) -> dict[str, str]:
        """Wait until the job is in one of these states."""
        return self._wait(lambda: self._in(states), seconds, f"state {states}")

    def wait_end(self, seconds: float = 240.0) -> dict[str, str]:
        """Wait until the job has ended for good."""
        return self.wait_state(*ENDED, seconds=seconds)

    def wait_output(self, pattern: str, seconds: float = 60.0) -> str:
        """Wait until the job has printed something."""

        def printed() -> str | None:
            text = self.output()
            return text if re.search(pattern, text, re.MULTILINE) else None

        return self._wait(printed, seconds, f"output {pattern!r}")

    def wait_versions(self, count: int, seconds: float = 60.0) -> None:
        """Wait until the job's runs have that many versions."""
        self._wait(lambda: self.versions() >= count or None, seconds, f"{count} versions")

    def wait_attempt(self, number: int, seconds: float = 60.0) -> None:
        """Wait until an attempt has begun."""
        self._wait(lambda: len(self.attempts()) >= number or None, seconds, f"attempt {number}")

    def wait_captured(self, number: int, seconds: float = 30.0) -> None:
        """Wait until a program of an attempt has told the supervisor of itself."""
        folder = self.folder / "processes"
        self._wait(lambda: list(folder.glob(f"{number}-*")) or None, seconds, "captured program")

    def versions(self) -> int:
        """How many versions the job's runs have in all."""
        line = self.status()
        return int(line["commits"]) if line else 0

    def status(self) -> dict[str, str] | None:
        """The job's line of ``dart-status``."""
        argv = [f"--dart-store={self.desk.store}", "--json", self.job_id]
        done = self.desk.dart("status", *argv)
        lines = json.loads(done.out)["jobs"] if done.code == 0 else []
        return lines[0] if lines else None

    def output(self, job_id: str | None = None) -> str:
        """Everything in the job's output file."""
        path = self.desk.path / f"out-{job_id or self.job_id}.txt"
        return path.read_text() if path.exists() else ""

    def printed(self) -> str:
        """What the user's own programs printed: without our lines and those of Slurm."""
        foreign = ("dart: ", "slurmstepd", "srun: ")
        lines = self.output().splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(foreign))

    def attempts(self) -> list[dict[str, object]]:
        """The attempts as the job's folder records them."""
        folder = self.folder / "attempts"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]

    @property
    def folder(self) -> Path:
        """The job's own folder in the store."""
        known = self.desk.store / "jobs" / "by-id" / self.job_id
        return self.desk.store / "jobs" / json.loads(known.read_text())["key"] / "job"

    def cancel(self, *options: str) -> None:
        self.desk.cluster.run(["scancel", *options, self.job_id])

    def warn(self) -> None:
        """Send the warning that Slurm would send before the time limit."""
        self.cancel("-b", "-s", "USR1")

    def _in(self, states: tuple[str, ...]) -> dict[str, str] | None:
        facts = self.show()
        return facts if facts["JobState"] in states else None

    def _wait(self, look: Callable, seconds: float, what: str):
        ends = time.monotonic() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > ends:
                raise AssertionError(
                    f"job {self.job_id}: no {what} within {seconds:.0f} s; it is "
                    f"{self.show()['JobState']} and printed\n{self.output()}"
                )
            time.sleep(0.3)
