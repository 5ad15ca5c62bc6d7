"""A program that forks is told what a plain run is told, and its children hear everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = """
import logging, os, warnings
warnings.simplefilter("always")
os.register_at_fork(before=lambda: sum(range(9)), after_in_parent=lambda: sum(range(9)))
for n in range(40):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
print("ended")
"""
TWO_THREADS = """
import threading
asked = threading.Event()
other = threading.Thread(target=asked.wait)
other.start()
""" + ONE_THREAD + "asked.set()\n"  # fmt: skip
TOLD_AT_ONCE = """
import os, signal, time
told = 0
for n in range(100):
    child = os.fork()
    if child == 0:
        time.sleep(0.05)
        os._exit(3)
    os.kill(child, signal.SIGTERM)
    told += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
print(told, sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
"""


def run(place, source, *ours):
    script = place / "job.py"
    script.write_text(source)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *ours, str(script)], cwd=place, capture_output=True, text=True,
        timeout=60, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    pid = [word for word in done.stderr.split() if "pid=" in word]
    text = done.stderr
    for word in pid:
        text = text.replace(word, "(pid=N)")
    return done.returncode, done.stdout, text


@pytest.mark.parametrize("source", [ONE_THREAD, TWO_THREADS], ids=["one thread", "two threads"])
def test_who_forks_is_warned_of_threads_of_the_program_only(source, tmp_path):
    ours = ("-m", "dartslurm", "--dart-store=s", "--dart-interval=0.05")
    assert run(tmp_path, source, *ours) == run(tmp_path, source)


def test_versions_are_taken_after_a_fork(tmp_path):
    source = ONE_THREAD + "import time\nend = time.monotonic() + 1.5\n"
    source += "while time.monotonic() < end:\n    sum(range(100))\n"
    ours = ("-m", "dartslurm", "--dart-store=s", "--dart-interval=0.2")
    assert run(tmp_path, source, *ours)[0] == 0
    assert len(list(tmp_path.glob("s/runs/*/versions/*"))) >= 2


def test_a_child_that_is_told_to_end_before_it_has_begun_ends(tmp_path):
    assert run(tmp_path, TOLD_AT_ONCE, "-m", "dartslurm", "--dart-store=s")[1] == "100 []\n"
