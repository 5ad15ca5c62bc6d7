"""Real programs outlive a time limit of one minute: outputs are those of an uninterrupted run.

The last save begins 45 s before the limit, so each attempt computes for about 15 s and every
program needs at least three. The three jobs run at the same time, each on nodes of its own.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess

import pytest
from desk import Desk

JOB = """#!/bin/bash
#SBATCH -t 1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
{python} {program} {size} result.csv
"""
NEEDS = {"heat": "numpy", "embed": "sklearn", "train": "torch"}
SIZES = {"heat": 90_000, "embed": 3_500, "train": 160}


def missing(name):
    return importlib.util.find_spec(NEEDS[name]) is None


@pytest.fixture(scope="module")
def jobs(cluster):
    found = {}
    for name, size in SIZES.items():
        if missing(name):
            continue
        desk = Desk(cluster, cluster.root / "desks" / name)
        desk.path.mkdir(parents=True)
        desk.program(f"{name}.py")
        text = JOB.format(python=desk.python, program=f"{name}.py", size=size)
        found[name] = desk.submit(text, "--dart-lead=45")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_real_program_finishes_as_if_never_interrupted(jobs, name):
    if missing(name):
        pytest.skip(f"{NEEDS[name]} is not installed here")
    job = jobs[name]
    facts = job.wait_end(seconds=420)
    assert facts["JobState"] == "COMPLETED", job.output()
    attempts = job.attempts()
    assert len(attempts) >= 3, attempts
    nodes = [each["node"] for each in attempts]
    assert all(here != there for here, there in itertools.pairwise(nodes)), nodes
    desk, plain = job.desk, job.desk.path / "plain.csv"
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(
        [desk.python, f"{name}.py", str(SIZES[name]), str(plain)],
        cwd=desk.path, capture_output=True, text=True, check=True, env={**os.environ, **one},
    )  # fmt: skip
    assert (desk.path / "result.csv").read_bytes() == plain.read_bytes()
    assert job.printed() == said.stdout
