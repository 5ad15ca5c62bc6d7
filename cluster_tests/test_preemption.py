"""A preempted job goes on when Slurm lets it, and is not requeued twice."""

from __future__ import annotations

import subprocess

JOB = """#!/bin/bash
#SBATCH -t 5 -p low
{python} counter.py 600 table.csv 0.05
echo "code $?"
"""


def test_a_preempted_job_goes_on_when_there_is_room(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(python=desk.python))
    job.wait_versions(2)
    node = job.show()["BatchHost"]
    urgent = ["-p", "urgent", "-w", node, "--exclusive", "-t", "1", "-o", "/dev/null"]
    desk.cluster.run(["sbatch", *urgent, "--wrap", "sleep 3"])
    facts = job.wait_end(120)
    assert facts["JobState"] == "COMPLETED", job.output()
    plain = [desk.python, "counter.py", "600", "plain.csv", "0"]
    said = subprocess.run(plain, cwd=desk.path, capture_output=True, text=True, check=True)
    assert job.printed() == said.stdout + "code 0\n"
    assert (desk.path / "table.csv").read_bytes() == (desk.path / "plain.csv").read_bytes()
    assert facts["Restarts"] == "1"
