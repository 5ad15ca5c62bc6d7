"""``dart-resume JOBID`` brings a job back on another node, however it ended."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

JOB = """#!/bin/bash
#SBATCH -t {limit}
{python} counter.py {steps} table.csv 0.05
echo "code $?"
"""


def expected(desk, steps):
    plain = [desk.python, "counter.py", str(steps), "plain.csv", "0"]
    return subprocess.run(plain, cwd=desk.path, capture_output=True, text=True, check=True).stdout


def check_finished_elsewhere(desk, job, steps):
    facts = job.wait_end(seconds=120)
    assert facts["JobState"] == "COMPLETED", job.output()
    assert job.printed() == expected(desk, steps) + "code 0\n"
    assert (desk.path / "table.csv").read_bytes() == (desk.path / "plain.csv").read_bytes()
    nodes = [each["node"] for each in job.attempts()]
    assert len(nodes) == 2
    assert nodes[0] != nodes[1]


def resume(desk, job, *options):
    done = desk.dart("resume", f"--dart-store={desk.store}", job.job_id, *options)
    assert done.code == 0, done.err
    return done


def test_after_scancel_it_goes_on_on_another_node(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(limit=5, python=desk.python, steps=300))
    job.wait_versions(2)
    job.cancel()
    assert job.wait_end(30)["JobState"] == "CANCELLED"
    assert job.attempts()[-1]["cause"] == "cancelled"
    assert job.status()["next"].startswith("stopped: cancelled")
    assert job.status()["every"].endswith("s (as asked)")
    assert resume(desk, job).out == f"Requeued batch job {job.job_id}\n"
    check_finished_elsewhere(desk, job, 300)


def test_a_job_that_slurm_has_forgotten_is_submitted_anew_with_further_options(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(limit=5, python=desk.python, steps=300))
    job.wait_versions(2)
    job.cancel()
    job.wait_end(30)
    said = resume(desk, job, "--mem=20").out
    new_id = said.split()[-1]
    assert said == f"Submitted batch job {new_id}\n"
    assert new_id != job.job_id
    again = type(job)(desk, new_id)
    assert again.wait_end()["JobState"] == "COMPLETED", job.output()
    assert job.printed() == expected(desk, 300) + "code 0\n"
    assert again.output() == "", "the output did not go on in the same file"
    assert again.attempts()[0]["node"] != again.attempts()[1]["node"]


JANE = """#!/bin/bash
#SBATCH -t 5
{python} jane.py result/coefficients.txt
"""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere: no PermissionError")
def test_after_a_failure_in_the_last_line_only_that_line_is_done_again(desk):
    check_jane(desk, lambda folder: folder.chmod(0o500), lambda folder: folder.chmod(0o700))


def test_after_a_missing_folder_in_the_last_line_only_that_line_is_done_again(desk):
    check_jane(desk, lambda folder: folder.rmdir(), lambda folder: folder.mkdir())


def check_jane(desk, spoil, mend):
    desk.program("jane.py")
    folder = desk.path / "result"
    folder.mkdir()
    spoil(folder)
    job = desk.submit(JANE.format(python=desk.python))
    assert job.wait_end(90)["JobState"] == "FAILED"
    assert "Error" in job.output()
    fits = job.output().count("fitting")
    mend(folder)
    resume(desk, job)
    assert job.wait_end(60)["JobState"] == "COMPLETED", job.output()
    assert (folder / "coefficients.txt").read_text().startswith("coefficients")
    assert job.output().count("fitting") == fits, "the fit was done again"
    nodes = [each["node"] for each in job.attempts()]
    assert nodes[0] != nodes[1]


def test_a_chosen_version_is_where_the_job_goes_on(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(limit=5, python=desk.python, steps=300))
    job.wait_versions(3)
    job.cancel()
    job.wait_end(30)
    wrong = desk.dart("resume", f"--dart-store={desk.store}", "--at=99", job.job_id)
    assert (wrong.code, len(wrong.err.splitlines())) == (4, 1)
    assert desk.dart("resume", f"--dart-store={desk.store}", "--at=1", job.job_id).code == 0
    check_finished_elsewhere(desk, job, 300)
    said = desk.dart("log", f"--dart-store={desk.store}", "--json", job.job_id).out
    versions = json.loads(said)["versions"]
    first_again = next(each for each in versions if each["attempt"] == 2)
    assert first_again["parent"] == 1
    done = desk.dart("resume", f"--dart-store={desk.store}", job.job_id)
    assert (done.code, done.out) == (0, ""), "a finished job was brought back"


def test_a_job_that_runs_is_left_alone(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(limit=5, python=desk.python, steps=3000))
    job.wait_state("RUNNING")
    done = desk.dart("resume", f"--dart-store={desk.store}", job.job_id)
    job.cancel()
    assert done.code == 5
    assert f"job {job.job_id} is running on " in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_job_is_one_line_and_code_3(desk):
    (desk.path / "store").mkdir(mode=0o700)
    done = desk.dart("resume", f"--dart-store={desk.store}", "999999")
    assert done.code == 3
    assert "999999" in done.err
    assert len(done.err.splitlines()) == 1
