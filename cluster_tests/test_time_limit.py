"""A job whose time limit is a fraction of what it needs finishes, on other nodes, unchanged."""

from __future__ import annotations

import subprocess
from itertools import pairwise

JOB = """#!/bin/bash
#SBATCH -t 1
{python} counter.py 1800 table.csv 0.05
echo "code $?"
"""


def test_a_job_of_one_minute_that_needs_more_finishes_with_identical_output(desk):
    program = desk.program("counter.py")
    job = desk.submit(JOB.format(python=desk.python))
    facts = job.wait_end(seconds=400)
    assert facts["JobState"] == "COMPLETED", job.output()
    plain = [desk.python, str(program), "1800", "plain.csv", "0"]
    said = subprocess.run(plain, cwd=desk.path, capture_output=True, text=True, check=True)
    assert (desk.path / "table.csv").read_bytes() == (desk.path / "plain.csv").read_bytes()
    assert job.printed() == said.stdout + "code 0\n"
    attempts = job.attempts()
    assert len(attempts) >= 3
    nodes = [each["node"] for each in attempts]
    assert all(here != there for here, there in pairwise(nodes)), nodes
    assert [each["cause"] for each in attempts[:-1]] == ["time limit"] * (len(attempts) - 1)
