"""Start our commands as a user does, and make a run that stands in the middle of its program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = """
total = 0
for i in range(30):
    total += i
    print(i, total)
print("end", total)
"""


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and both streams."""

    code: int
    out: str
    err: str

    def refuses(self, code, *words):
        """Assert the documented exit code, and one clear line with these words in it."""
        lines = self.err.splitlines()
        assert self.code == code, self
        assert len(lines) == 1, self.err
        assert lines[0].startswith("dart"), self.err
        for word in words:
            assert word in lines[0], (word, lines[0])
        assert self.out == ""


@pytest.fixture
def dart(tmp_path):
    """Return a function that runs ``dart-<name>`` with arguments and environment variables."""

    def run(
        name, *arguments, cwd=tmp_path, python=sys.executable, timeout=120, stdin=None, **variables
    ):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DART_")}
        path = os.pathsep.join([str(REPOSITORY), kept.get("PYTHONPATH", "")])
        code = (  # as a script in another folder: the current one is not searched
            "import sys; sys.path[0] = sys.prefix; "
            f"from dartslurm.cli.{name} import entry; sys.exit(entry())"
        )
        start = ["-m", "dartslurm"] if name == "run" else ["-c", code]
        given = {"input": stdin} if stdin is not None and not isinstance(stdin, Path) else {}
        source = (stdin if isinstance(stdin, Path) else Path(os.devnull)).open()
        given = given or {"stdin": source}
        done = subprocess.run(
            [python, *start, *map(str, arguments)],
            cwd=cwd,
            env={**kept, "PYTHONPATH": path.strip(os.pathsep), **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            **given,
        )
        source.close()
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@dataclass(frozen=True)
class StoppedRun:
    """A run that was stopped in the middle: its script and its store, both a test's own."""

    script: Path
    store: Path

    @property
    def option(self):
        return f"--dart-store={self.store}"

    @property
    def repository(self):
        from dartslurm.store.repository import Repository

        return Repository.open(str(self.store))

    @property
    def run(self):
        return self.repository.run(self.repository.runs()[0])


@pytest.fixture
def stopped(dart, tmp_path):
    """Return a run with at least two versions that was stopped twice and is not finished."""
    script = tmp_path / "count.py"
    script.write_text(SCRIPT)
    made = StoppedRun(script, tmp_path / "store")
    first = dart("run", made.option, "--dart-interval=3600", script, DART_TEST_STOP_AT="9")
    assert first.code == 85, first
    second = dart("resume", made.option, "--here", DART_TEST_STOP_AT="9")
    assert second.code == 85, second
    assert len(made.run.versions()) >= 2
    return made


@pytest.fixture
def copy_of(tmp_path):
    """Return a function that copies a store, so that two resumes can start from one state."""

    def copy(made):
        target = tmp_path / f"copy{len(list(tmp_path.glob('copy*')))}"
        shutil.copytree(made.store, target)
        return StoppedRun(made.script, target)

    return copy
