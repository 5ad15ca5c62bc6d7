"""A version in the middle of a function does not hold what the function held."""

import os
import subprocess
import sys
from pathlib import Path

RUN = "import sys; from dartslurm.cli.run import entry; sys.exit(entry())"
PROGRAM = """
import glob, time, weakref
class Thing: pass
def called(number):
    thing = Thing(); seen = weakref.ref(thing)
    total = 0
    for step in range(3): total += step * number
    return seen
def walked(number):
    thing = Thing(); seen = weakref.ref(thing)
    for step in range(3): yield seen
outlived, number, end = 0, 0, time.monotonic() + 30
while time.monotonic() < end and (number % 500 or len(glob.glob("store/runs/*/versions/*")) < 6):
    number += 1
    first = called(number)
    for second in walked(number): pass
    outlived += (first() is not None) + (second() is not None)
print(outlived)
"""


def test_what_a_function_held_dies_with_it_though_a_version_was_taken_inside(tmp_path):
    (tmp_path / "job.py").write_text(PROGRAM)
    words = [sys.executable, "-c", RUN, "--dart-store=store", "--dart-interval=0.03", "job.py"]
    home = str(Path(__file__).parents[2])
    ended = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": home}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended.stderr
    [journal] = tmp_path.glob("store/runs/*/journal*")
    assert journal.read_text().count('"committed"') > 3
