"""What the tutorial shows is what happens: its program and its commands are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-resume.md"


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [body for name, body in fenced if name == language]


def test_the_killed_program_ends_with_the_output_of_the_plain_one(tmp_path):
    [program] = blocks("python")
    (tmp_path / "primes.py").write_text(program)
    install, *commands = blocks("")
    assert "pip install ." in install
    assert any("kill -KILL" in block for block in commands)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
    kept.pop("SCRATCH", None)
    environ = {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    plain, output = (tmp_path / "plain.txt").read_text(), (tmp_path / "output.txt").read_text()
    assert output == plain, done.stderr
    assert done.stdout.splitlines()[-1] == "identical", done.stdout + done.stderr
    assert "interval" in done.stdout
