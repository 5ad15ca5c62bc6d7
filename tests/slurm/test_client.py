"""What Slurm's commands say is read, and what they do not say becomes one clear line."""

from __future__ import annotations

import os
import stat

import pytest

from dartslurm.errors import ClusterError, NotFoundError, UnavailableError
from dartslurm.slurm import client

LINE = (
    "JobId=5 ArrayJobId=4 ArrayTaskId=2 JobName=a b UserId=u(0) JobState=COMPLETING "
    "Reason=TimeLimit Requeue=1 Restarts=2 TimeLimit=00:01:00 StartTime=2026-11-21T10:23:18 "
    "EndTime=2026-11-21T10:24:18 PreemptTime=None Partition=debug ReqNodeList=(null) "
    "ExcNodeList=n[1-2] NodeList=n3 BatchHost=n3 NumNodes=1-2 NumCPUs=1"
)


def install(folder, name, text, monkeypatch):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_job_is_read_from_one_line():
    facts = client.parse_job(LINE)
    assert (facts.state, facts.reason, facts.restarts) == ("COMPLETING", "TimeLimit", 2)
    assert facts.end_utc - facts.start_utc == 60
    assert (facts.required_nodes, facts.excluded_nodes, facts.node_count) == ("", "n[1-2]", 1)
    assert not facts.preempted


@pytest.mark.parametrize(
    ("said", "job_id"),
    [
        ("Submitted batch job 12\n", "12"),
        ("Submitted batch job 12 on cluster c\n", "12"),
        ("12\n", "12"),
        ("12;cluster\n", "12"),
        ("", None),
        ("sbatch: nothing\n", None),
    ],
)
def test_the_job_id_is_found_in_both_forms(said, job_id):
    assert client.parse_submitted(said) == job_id


def test_a_missing_command_is_said_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="sbatch is not on PATH") as caught:
        client.command("sbatch")
    assert caught.value.exit_code == 10


def test_a_silent_controller_is_asked_again_then_unavailable(monkeypatch, tmp_path):
    monkeypatch.setattr(client, "_PAUSE_SECONDS", 0.05)
    counter = tmp_path / "calls"
    install(
        tmp_path,
        "scontrol",
        f"echo x >>{counter}; echo 'Unable to contact slurm controller' >&2; exit 1\n",
        monkeypatch,
    )
    with pytest.raises(UnavailableError) as caught:
        client.show_job("1", within_seconds=0.5)
    assert caught.value.exit_code == 75
    assert len(counter.read_text().split()) > 2


def test_a_hanging_command_is_given_up(monkeypatch, tmp_path):
    install(tmp_path, "scontrol", "exec sleep 60\n", monkeypatch)
    with pytest.raises(UnavailableError):
        client.show_job("1", within_seconds=0.2)


def test_an_unknown_job_is_not_found(monkeypatch, tmp_path):
    said = "slurm_load_jobs error: Invalid job id specified"
    install(tmp_path, "scontrol", f"echo '{said}' >&2; exit 1\n", monkeypatch)
    with pytest.raises(NotFoundError, match="job 7") as caught:
        client.show_job("7")
    assert caught.value.exit_code == 3


def test_asking_twice_for_a_requeue_is_no_mistake(monkeypatch, tmp_path):
    said = "Job is pending execution for the job 5"
    install(tmp_path, "scontrol", f"echo '{said}' >&2; exit 1\n", monkeypatch)
    client.requeue("5")


def test_a_refusal_keeps_slurms_words(monkeypatch, tmp_path):
    said = "Requested operation is presently disabled for job 5"
    install(tmp_path, "scontrol", f"echo '{said}' >&2; exit 1\n", monkeypatch)
    with pytest.raises(ClusterError, match="presently disabled"):
        client.requeue("5")


def test_the_users_output_formats_do_not_reach_slurm(monkeypatch):
    monkeypatch.setenv("SQUEUE_FORMAT", "%i")
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    assert not {"SQUEUE_FORMAT", "SLURM_TIME_FORMAT"} & client.clean_environ().keys()
