"""A step of a job script is recognised in the next attempt."""

from __future__ import annotations

import os
from itertools import count
from types import SimpleNamespace

import pytest

from dartslurm.slurm import steps
from dartslurm.slurm.jobs import Seat

UNAME = os.uname
NUMBERS = count()
LAUNCH = {"kind": "script", "path": "/w/x.py"}


@pytest.fixture
def seat(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    monkeypatch.delenv("DART_RERUN_FINISHED", raising=False)
    monkeypatch.setenv("DART_ATTEMPT", "1")
    monkeypatch.setattr(steps, "output_is_read", lambda: False)
    seat = Seat(str(tmp_path / "job"))
    seat.prepare()
    return seat


def claim(seat, argv=("x.py",), launch=LAUNCH, cwd="/w"):
    """Claim as a process of its own would."""
    os.uname = lambda: SimpleNamespace(nodename=f"host{next(NUMBERS)}")
    try:
        return steps.claim_step(seat.path, launch, list(argv), cwd)
    finally:
        os.uname = UNAME


def test_a_process_that_executes_itself_anew_keeps_its_step(seat):
    first = steps.claim_step(seat.path, LAUNCH, ["x.py"], "/w")
    assert steps.claim_step(seat.path, LAUNCH, ["x.py"], "/w").key == first.key


def test_the_same_program_finds_its_run_in_the_next_attempt(seat, monkeypatch):
    first = claim(seat)
    assert (first.run_id, first.finished_exit_code) == (None, None)
    steps.record_step(seat.path, first.key, "r-1")
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert claim(seat) == steps.StepClaim("r-1", None, first.key)


def test_equal_commands_are_told_apart_by_their_order(seat, monkeypatch):
    keys = [claim(seat).key for _ in range(3)]
    for number, key in enumerate(keys):
        steps.record_step(seat.path, key, f"r-{number}")
    assert len(set(keys)) == 3
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert [claim(seat).run_id for _ in range(3)] == ["r-0", "r-1", "r-2"]


@pytest.mark.parametrize(
    "other",
    [{"argv": ("x.py", "2")}, {"launch": {"kind": "module", "module": "x"}}, {"cwd": "/v"}],
)
def test_another_command_is_another_step(seat, monkeypatch, other):
    steps.record_step(seat.path, claim(seat).key, "r-1")
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert claim(seat, **other).run_id is None


def test_each_rank_of_a_step_has_its_own_run(seat, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    keys = set()
    for rank in ("0", "1"):
        monkeypatch.setenv("SLURM_PROCID", rank)
        keys.add(claim(seat).key)
    assert len(keys) == 2


def test_a_finished_step_is_answered_from_its_record(seat, monkeypatch):
    key = claim(seat).key
    steps.record_step(seat.path, key, "r-1")
    steps.finish_step(seat.path, key, 3)
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert claim(seat) == steps.StepClaim("r-1", 3, key)


def test_a_finished_step_runs_again_when_its_output_is_read(seat, monkeypatch):
    key = claim(seat).key
    steps.record_step(seat.path, key, "r-1")
    steps.finish_step(seat.path, key, 0)
    monkeypatch.setenv("DART_ATTEMPT", "2")
    monkeypatch.setattr(steps, "output_is_read", lambda: True)
    assert claim(seat) == steps.StepClaim(None, None, key)


def test_a_finished_step_runs_again_when_the_user_asks(seat, monkeypatch):
    key = claim(seat).key
    steps.finish_step(seat.path, key, 0)
    monkeypatch.setenv("DART_ATTEMPT", "2")
    monkeypatch.setenv("DART_RERUN_FINISHED", "1")
    assert claim(seat).finished_exit_code is None


def test_only_the_step_that_failed_last_is_opened_again(seat, monkeypatch):
    first, second = claim(seat).key, claim(seat, argv=("y.py",)).key
    for key in (first, second):
        steps.record_step(seat.path, key, f"r-{key}")
    steps.finish_step(seat.path, first, 0)
    steps.finish_step(seat.path, second, 1)
    steps.reopen_failed(seat.path)
    monkeypatch.setenv("DART_ATTEMPT", "2")
    assert claim(seat).finished_exit_code == 0
    assert claim(seat, argv=("y.py",)) == steps.StepClaim(f"r-{second}", None, second)


def test_the_supervisor_sees_the_processes_of_its_own_attempt_only(seat, monkeypatch):
    key = claim(seat).key
    steps.register_process(seat.path, key, os.getpid())
    found = steps.registered(seat.path, 1)
    assert [each["pid"] for each in found] == [os.getpid()]
    assert found[0]["start"] > 0
    assert steps.registered(seat.path, 2) == []


@pytest.mark.parametrize("reader", [True, False])
def test_a_pipe_on_standard_output_means_somebody_reads(reader, monkeypatch, tmp_path):
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    kept = os.dup(1)
    if reader:
        source, target = os.pipe()
    else:
        source = target = os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY)
    try:
        os.dup2(target, 1)
        found = steps.output_is_read()
    finally:
        os.dup2(kept, 1)
        for fd in {source, target, kept}:
            os.close(fd)
    assert found is reader
