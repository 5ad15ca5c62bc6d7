"""A job whose node dies goes on from its last version on another one."""

from __future__ import annotations

import subprocess
import time

import pytest

JOB = """#!/bin/bash
#SBATCH -t 5
{python} counter.py 400 table.csv 0.05
echo "code $?"
"""


@pytest.mark.slow
def test_a_job_survives_the_death_of_its_node(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(python=desk.python))
    job.wait_versions(2)
    node = job.show()["BatchHost"]
    desk.cluster.kill_node(node)
    try:
        job.wait_attempt(2, seconds=120)
        facts = job.wait_end(120)
    finally:
        desk.cluster.revive_node(node)
    assert facts["JobState"] == "COMPLETED", job.output()
    plain = [desk.python, "counter.py", "400", "plain.csv", "0"]
    said = subprocess.run(plain, cwd=desk.path, capture_output=True, text=True, check=True)
    assert (desk.path / "table.csv").read_bytes() == (desk.path / "plain.csv").read_bytes()
    assert job.printed() == said.stdout + "code 0\n"
    first, second = [each["node"] for each in job.attempts()]
    assert first == node
    assert second != node
    wait_idle(desk, node)


def wait_idle(desk, node):
    """The node serves the other tests again."""
    ends = time.monotonic() + 60
    argv = ["sinfo", "-h", "-n", node, "-p", "debug", "-o", "%t"]
    while desk.cluster.run(argv).strip() not in ("idle", "mix"):
        assert time.monotonic() < ends, f"{node} did not come back"
        time.sleep(0.5)
