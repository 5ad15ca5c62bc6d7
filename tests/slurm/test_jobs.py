"""A job's folder tells which runs it has, and which nodes it had better leave alone."""

from __future__ import annotations

import pytest

from dartslurm.errors import NotFoundError, UsageError
from dartslurm.slurm import requeue, steps
from dartslurm.slurm.jobs import Attempt, JobFolder, runs_of_job

NODES = ("n1", "n2", "n3")


@pytest.fixture
def job(tmp_path):
    job = JobFolder(str(tmp_path / "jobs" / "j-1"))
    job.seat(None).prepare()
    job.add_job_id("17")
    return job


def begin(monkeypatch, seat, when, name, run_id):
    monkeypatch.setattr(steps.time, "time", lambda: when)
    launch = {"kind": "script", "target": name}
    claim = steps.claim_step(seat.path, launch, [name], "/w")
    if run_id:
        steps.record_step(seat.path, claim.key, run_id)
    return claim.key


def test_the_runs_of_a_job_stand_in_the_order_they_began(job, tmp_path, monkeypatch):
    seat = job.seat(None)
    for when, name, run_id in ((3, "c", "r-c"), (1, "a", "r-a"), (2, "b", "r-b"), (4, "d", None)):
        begin(monkeypatch, seat, when, name, run_id)
    assert runs_of_job(str(tmp_path), "17") == ["r-a", "r-b", "r-c"]


def test_an_arrays_runs_are_those_of_all_tasks_or_of_the_one_named(job, tmp_path, monkeypatch):
    for task in ("1", "2", "10"):
        seat = job.seat(task)
        seat.prepare()
        begin(monkeypatch, seat, 1.0, "x", f"r-{task}")
    assert runs_of_job(str(tmp_path), "17") == ["r-1", "r-2", "r-10"]
    assert runs_of_job(str(tmp_path), "17_2") == ["r-2"]


def test_a_job_without_runs_an_unknown_job_and_no_job_are_refused(job, tmp_path):
    with pytest.raises(NotFoundError, match="no program of job 17 has been captured"):
        runs_of_job(str(tmp_path), "17")
    with pytest.raises(NotFoundError, match="knows no job 18"):
        runs_of_job(str(tmp_path), "18")
    with pytest.raises(UsageError, match="is no job id"):
        runs_of_job(str(tmp_path), "x")


def test_a_chosen_version_holds_until_there_is_a_newer_one(job, monkeypatch):
    seat = job.seat(None)
    key = begin(monkeypatch, seat, 1.0, "x", "r-1")
    steps.finish_step(seat.path, key, 0)
    steps.reopen_at(seat.path, "r-1", 3, 7)
    monkeypatch.setenv("DART_ATTEMPT", "2")
    monkeypatch.setattr(steps, "output_is_read", lambda: False)
    claim = steps.claim_step(seat.path, {"kind": "script", "target": "x"}, ["x"], "/w")
    assert claim == steps.StepClaim("r-1", None, key, at=3, at_newest=7)


@pytest.mark.parametrize(
    ("attempts", "used"),
    [
        ([], []),
        ([("n1", "time limit")], ["n1"]),
        ([("n1", "time limit"), ("n2", "time limit")], ["n2"]),
        ([("n1", None), ("n2", "time limit")], ["n2"]),
        ([("n1", None), ("n1", None), ("n2", "time limit")], ["n2", "n1"]),
        ([("n1", None), ("n1", None)], ["n1"]),
    ],
)
def test_the_last_node_and_one_that_failed_twice_are_avoided(attempts, used):
    made = [
        Attempt(number, "17", node, 0.0, cause=cause)
        for number, (node, cause) in enumerate(attempts, 1)
    ]
    assert requeue.used_nodes(made) == used


@pytest.mark.parametrize(
    ("free", "used", "needed", "excluded"),
    [
        (NODES, ["n1"], 1, "n3,n1"),
        (NODES, ["n2", "n1"], 1, "n3,n1,n2"),
        (("n1", "n2"), ["n2", "n1"], 1, "n3,n1"),
        (("n1",), ["n1"], 1, "n3"),
        (NODES, ["n1"], 3, "n3"),
    ],
)
def test_so_many_nodes_are_avoided_as_the_job_can_do_without(
    monkeypatch, free, used, needed, excluded
):
    monkeypatch.setattr(requeue.client, "free_nodes", lambda partition: set(free))
    assert requeue.avoidable("debug", used, "n3", needed) == excluded


def test_one_program_of_an_attempt_cuts_the_jobs_output(job, monkeypatch):
    seat = job.seat(None)
    assert [steps.claim_output(seat.path) for _ in range(3)] == [True, False, False]
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert steps.claim_output(seat.path)
