"""Jobs of one minute that need more finish, on other nodes, with identical output.

All jobs run at the same time on the three nodes, and each program also runs once without Slurm.
A program whose last save begins 45 s before the limit computes for about 15 s an attempt. What it
waits is more than two such attempts, so there are three on the fastest machine.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
from dataclasses import dataclass
from itertools import pairwise

import pytest
from desk import Desk, Job

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
JOB = """#!/bin/bash
#SBATCH -t 1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
echo "begin"
{python} {program}.py {size} result.csv {pause}
echo "code $?"
"""


@dataclass
class Case:
    """A program, the seconds that it waits at each report, and what it is submitted with."""

    needs: str
    size: int
    pause: str
    options: tuple[str, ...] = ("--dart-lead=45",)


CASES = {
    "counter": Case("sys", 1800, "0.05", ()),
    "once": Case("sys", 2200, "0.05", ("--no-requeue",)),
    "heat": Case("numpy", 100_000, "0.2"),
    "train": Case("torch", 260, "0.2", ("--dart-lead=35",)),  # its start takes seconds
    "embed": Case("sklearn", 0, ""),
}
EMBED_SECONDS = 42.0


@dataclass
class Run:
    """A job, and the same program as it runs without one."""

    job: Job
    plain: subprocess.Popen[str]

    def check_output(self) -> None:
        folder = self.job.desk.path
        said, _ = self.plain.communicate(timeout=400)
        assert self.plain.returncode == 0
        assert self.job.printed() == f"begin\n{said}code 0\n"
        assert (folder / "result.csv").read_bytes() == (folder / "plain.csv").read_bytes()

    def check_nodes(self, least: int) -> None:
        attempts = self.job.attempts()
        assert len(attempts) >= least, attempts
        nodes = [each["node"] for each in attempts]
        assert all(here != there for here, there in pairwise(nodes)), nodes
        said = self.job.desk.dart(
            "log", f"--dart-store={self.job.desk.store}", "--json", self.job.job_id
        )
        told = {(each["attempt"], each["node"]) for each in json.loads(said.out)["versions"]}
        assert told >= set(enumerate(nodes[:-1], 1)), told


def lacks(name: str) -> bool:
    return importlib.util.find_spec(CASES[name].needs) is None


def start(cluster, name: str) -> Run:
    case = CASES[name]
    desk = Desk(cluster, cluster.root / "desks" / name)
    desk.path.mkdir(parents=True)
    program = "counter" if name == "once" else name
    desk.program(f"{program}.py")
    size = case.size or long_enough(desk, program)
    text = JOB.format(python=desk.python, program=program, size=size, pause=case.pause)
    job = desk.submit(text, *case.options)
    argv = ["nice", desk.python, f"{program}.py", str(size), "plain.csv", *["0"][: len(case.pause)]]
    plain = subprocess.Popen(
        argv, cwd=desk.path, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True
    )
    return Run(job, plain)


def long_enough(desk: Desk, program: str) -> int:
    """How long the program must be made to compute for the wanted time on this machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    argv = [desk.python, f"{program}.py", "700", "small.csv"]
    subprocess.run(argv, cwd=desk.path, env={**os.environ, **ONE_THREAD}, check=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return int(700 * EMBED_SECONDS / seconds)


@pytest.fixture(scope="module")
def runs(cluster):
    found = {name: start(cluster, name) for name in CASES if not lacks(name)}
    yield found
    for each in found.values():
        each.plain.kill()
        each.plain.wait()


@pytest.mark.parametrize("name", ["counter", "heat", "train", "embed"])
def test_a_job_of_one_minute_that_needs_more_finishes_with_identical_output(runs, name):
    if lacks(name):
        pytest.skip(f"{CASES[name].needs} is not installed here")
    run = runs[name]
    facts = run.job.wait_end(seconds=500)
    assert facts["JobState"] == "COMPLETED", run.job.output()
    run.check_output()
    run.check_nodes(least=3)
    causes = [each["cause"] for each in run.job.attempts()]
    assert causes == ["time limit"] * (len(causes) - 1) + ["finished"]


def test_a_job_that_may_not_be_requeued_times_out_and_is_resumed_on_another_node(runs):
    run = runs["once"]
    job, desk = run.job, run.job.desk
    assert "--no-requeue is kept" in job.said
    assert job.wait_end(300)["JobState"] == "TIMEOUT"
    assert len(job.attempts()) == 1
    done = desk.dart("resume", f"--dart-store={desk.store}", job.job_id, "-t", "5")
    assert done.code == 0, done.err
    again = Job(desk, done.out.split()[-1])
    assert again.wait_end(300)["JobState"] == "COMPLETED", again.output()
    run.check_output()
    run.check_nodes(least=2)
