"""Whatever a job script does with the output of its programs, no line is lost or there twice."""

from __future__ import annotations

import subprocess

REDIRECTED = """#!/bin/bash
#SBATCH -t 5
echo "begin $1"
{python} -c 'import sys; print("first", sys.argv[1:])' "a b" > first.txt 2>&1
{python} counter.py 300 table.csv 0.05 > log.txt 2> errors.txt
echo "code $?"
(echo "head"; {python} -c 'import sys; print("last", sys.argv)' c) > last.txt
"""

TWO = """#!/bin/bash
#SBATCH -t 5
echo "begin"
{python} counter.py 300 table.csv 0.05 &
{python} named.py 30 0.5 &
wait
echo "end"
"""

NAMED = """\
import sys
import time

def main(count, pause):
    for number in range(count):
        print("other", number, flush=True)
        time.sleep(pause)
    print("arguments", sys.argv)

main(int(sys.argv[1]), float(sys.argv[2]))
"""


def plain(desk, *argv: str) -> str:
    argv = (desk.python, *argv)
    return subprocess.run(argv, cwd=desk.path, capture_output=True, text=True, check=True).stdout


def test_files_that_the_script_redirects_to_are_whole(desk):
    desk.program("counter.py")
    job = desk.submit(REDIRECTED.format(python=desk.python), args=("it",))
    job.wait_versions(3)
    job.warn()
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert len(job.attempts()) == 2
    assert job.printed() == "begin it\ncode 0\n"
    assert (desk.path / "first.txt").read_text() == "first ['a b']\n"
    assert (desk.path / "log.txt").read_text() == plain(desk, "counter.py", "300", "plain.csv", "0")
    assert (desk.path / "errors.txt").read_text() == ""
    assert (desk.path / "last.txt").read_text() == "head\nlast ['-c', 'c']\n"


def test_programs_that_print_side_by_side_lose_no_line(desk):
    desk.program("counter.py")
    desk.write("named.py", NAMED)
    job = desk.submit(TWO.format(python=desk.python))
    job.wait_output("other 8")
    job.warn()
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    lines = job.printed().splitlines()
    alone = plain(desk, "counter.py", "300", "plain.csv", "0") + plain(desk, "named.py", "30", "0")
    expected = ["begin", *alone.splitlines(), "end"]
    expected = [line.replace("'0']", "'0.5']") for line in expected]
    assert sorted(lines) == sorted(expected), job.output()


def test_what_we_say_stays_in_the_jobs_output(desk):
    desk.program("counter.py")
    job = desk.submit(f"#!/bin/bash\n#SBATCH -t 5\n{desk.python} counter.py 200 table.csv 0.05\n")
    job.wait_versions(2)
    job.warn()
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert "signal: all programs have left after " in job.output()
