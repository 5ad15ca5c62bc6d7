"""Whoever requeues a job, it goes on; one that has finished is not run again."""

from __future__ import annotations

import subprocess

JOB = """#!/bin/bash
#SBATCH -t 5
{python} counter.py 300 table.csv 0.05
echo "code $?"
exit 3
"""

STEPS = """#!/bin/bash
#SBATCH -t 5
{python} -c 'print("first", file=open("marks", "a")); print("first", flush=True)'
value=$({python} -c 'print(41 + 1)')
echo "value $value"
{python} counter.py 300 table.csv 0.05
"""


def expected(desk):
    plain = [desk.python, "counter.py", "300", "plain.csv", "0"]
    return subprocess.run(plain, cwd=desk.path, capture_output=True, text=True, check=True).stdout


def test_a_job_that_its_user_requeues_goes_on_once(desk):
    desk.program("counter.py")
    job = desk.submit(JOB.format(python=desk.python))
    job.wait_versions(2)
    desk.shell("scontrol", "requeue", job.job_id)
    facts = job.wait_end()
    assert (facts["JobState"], facts["ExitCode"]) == ("FAILED", "3:0"), job.output()
    assert job.printed() == expected(desk) + "code 0\n"
    assert facts["Restarts"] == "1", "it was requeued once more than asked for"
    assert job.attempts()[0]["cause"] == "requeued by Slurm or a user"


def test_a_job_that_has_finished_ends_at_once_with_its_code_when_requeued(desk):
    desk.program("counter.py")
    job = desk.submit("#!/bin/bash\necho ran\nexit 3\n", "-t", "5")
    assert job.wait_end()["ExitCode"] == "3:0"
    desk.shell("scontrol", "requeue", job.job_id)
    job.wait_output("has finished already")
    facts = job.wait_end()
    assert facts["ExitCode"] == "3:0"
    assert job.printed() == "ran\n"


def test_a_finished_step_is_not_run_again_and_one_whose_output_is_read_is(desk):
    desk.program("counter.py")
    job = desk.submit(STEPS.format(python=desk.python))
    job.wait_output("step 100")
    job.warn()
    facts = job.wait_end()
    assert facts["JobState"] == "COMPLETED", job.output()
    assert job.printed() == "first\nvalue 42\n" + expected(desk)
    assert (desk.path / "marks").read_text() == "first\n"
    assert "finished in an earlier attempt (exit code 0), not run again" in job.output()


def test_finished_steps_run_again_when_the_user_says_so(desk):
    desk.program("counter.py")
    job = desk.submit(STEPS.format(python=desk.python), "--dart-rerun-finished")
    job.wait_output("step 100")
    job.warn()
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert (desk.path / "marks").read_text() == "first\nfirst\n"


def test_a_job_without_progress_is_stopped(desk):
    waiting = "import os; os.read(os.pipe()[0], 1)"  # no version can be taken inside it
    text = f"#!/bin/bash\n#SBATCH -t 5\n{desk.python} -c '{waiting}'\n"
    job = desk.submit(text, "--dart-max-noprogress=2", "--dart-lead=8")
    for number in (1, 2):
        job.wait_attempt(number)
        job.wait_captured(number)
        job.warn()
    facts = job.wait_end(60)
    assert (facts["JobState"], facts["ExitCode"]) == ("FAILED", "93:0")
    assert job.status()["next"].startswith("stopped: no progress in 2 attempts")


def test_a_job_of_which_nothing_is_captured_is_left_alone(desk):
    job = desk.submit("#!/bin/bash\n#SBATCH -t 5\necho begun\nsleep 6\necho done\n")
    job.wait_output("begun")
    job.warn()
    assert job.wait_end()["JobState"] == "COMPLETED"
    assert job.printed() == "begun\ndone\n"
    assert len(job.attempts()) == 1
