"""The round trip: a program's state goes through a fresh process with another hash seed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

_DRIVER = Path(__file__).with_name("driver.py")
_ROOT = Path(__file__).parents[2]


def _run(*arguments, seed, cwd):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, _DRIVER, *map(str, arguments)],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def round_trip(tmp_path):
    """Run a program, carry its state into a fresh process, and run checks on it there."""

    def carry(program, check, *, same_hashes=False):
        source, state, checks = (tmp_path / name for name in ("program.py", "state", "check.py"))
        source.write_text(dedent(program))
        checks.write_text(dedent(check))
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        _run("dump", source, state, seed="1", cwd=tmp_path)
        return _run("load", state, checks, seed="1" if same_hashes else "2", cwd=elsewhere)

    return carry


@pytest.fixture
def versions(tmp_path):
    """Take a version after each step of a program; return what each of them costs."""

    def take(*steps):
        listed = tmp_path / "steps.json"
        listed.write_text(json.dumps([dedent(step) for step in steps]))
        return json.loads(_run("versions", listed, seed="1", cwd=tmp_path))

    return take
