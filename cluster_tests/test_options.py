"""``dart-sbatch`` says what sbatch says, ends as sbatch ends, and asks only where nobody spoke."""

from __future__ import annotations

import re
import subprocess

import pytest

HELLO = '#!/bin/bash\n#SBATCH -t 5\necho hello "$@"\n'


def both(desk, *argv, stdin=None):
    """Run sbatch and dart-sbatch with the same words; job numbers are made equal."""
    plain = subprocess.run(
        ["sbatch", *argv], cwd=desk.path, capture_output=True, text=True, check=False,
        input=stdin, env=desk.cluster.environ,
    )  # fmt: skip
    ours = desk.dart("sbatch", f"--dart-store={desk.store}", *argv)
    return (plain.returncode, re.sub(r"\d+", "N", plain.stdout)), (
        ours.code,
        re.sub(r"\d+", "N", ours.out),
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["job.sh"],
        ["--parsable", "job.sh"],
        ["-Q", "job.sh"],
        ["-t", "5", "--wrap", "exit 0"],
        ["--wait", "-t5", "--wrap=exit 4"],
        ["-p", "nowhere", "job.sh"],
        ["--no-such-option", "job.sh"],
        ["missing.sh"],
        ["plain.txt"],
        ["-N", "99", "job.sh"],
        ["--test-only", "job.sh"],
    ],
    ids=" ".join,
)
def test_standard_output_and_exit_code_are_those_of_sbatch(desk, argv):
    desk.write("job.sh", HELLO)
    desk.write("plain.txt", "echo no first line\n")
    plain, ours = both(desk, *argv)
    assert ours == plain


def shown(desk, job_id):
    said = desk.cluster.run(["scontrol", "-o", "show", "job", job_id])
    return dict(re.findall(r"(?:^| )([A-Za-z][\w/:&]*)=(\S*)", said))


def submitted(desk, *argv, **environ):
    done = desk.dart("sbatch", f"--dart-store={desk.store}", "--parsable", *argv, **environ)
    assert done.code == 0, done.err
    return shown(desk, done.out.strip()), done


def test_the_default_name_is_the_scripts(desk):
    desk.write("train.sh", HELLO)
    assert submitted(desk, "-H", "train.sh")[0]["JobName"] == "train.sh"
    assert submitted(desk, "-H", "-J", "mine", "train.sh")[0]["JobName"] == "mine"
    assert submitted(desk, "-H", "train.sh", SBATCH_JOB_NAME="env")[0]["JobName"] == "env"


def test_requeue_is_asked_for_where_the_user_said_nothing(desk):
    desk.write("job.sh", HELLO)
    assert submitted(desk, "-H", "job.sh")[0]["Requeue"] == "1"
    facts, done = submitted(desk, "-H", "--no-requeue", "job.sh")
    assert facts["Requeue"] == "0"
    assert "your --no-requeue is kept" in done.err
    desk.write("job.sh", HELLO.replace("-t 5", "-t 5 --no-requeue"))
    facts, done = submitted(desk, "-H", "job.sh")
    assert facts["Requeue"] == "0"
    assert "your --no-requeue is kept" in done.err


def test_the_users_own_signal_reaches_his_own_trap(desk):
    text = """#!/bin/bash
#SBATCH -t 5 --signal=B:USR1@10 -o out-%j.txt
trap 'echo trapped; exit 6' USR1
sleep 100 &
echo ready
wait
"""
    job = desk.submit(text)
    assert "your --signal is kept" in job.said
    job.wait_output("ready")
    job.warn()
    facts = job.wait_end(30)
    assert facts["ExitCode"] == "6:0"
    assert job.printed() == "ready\ntrapped\n"


def test_arguments_working_folder_and_exit_code_reach_and_leave_the_script(desk):
    text = '#!/bin/bash\n#SBATCH -t 5\npwd\necho "$#:$1:$2" "$SLURM_SUBMIT_DIR"\nexit 7\n'
    job = desk.submit(text, args=("a b", "*"))
    assert job.wait_end()["ExitCode"] == "7:0"
    assert job.printed() == f"{desk.path}\n2:a b:* {desk.path}\n"


def test_a_script_on_standard_input_is_submitted(desk):
    argv = ["--dart-store=" + str(desk.store), "--parsable", "-o", "in.txt"]
    start = "from dartslurm.cli.sbatch import entry; entry()"
    done = subprocess.run(
        [desk.python, "-c", start, *argv], input=HELLO, cwd=desk.path, text=True,
        capture_output=True, check=True, env={**desk.cluster.environ, "PYTHONPATH": checkout()},
    )  # fmt: skip
    assert shown(desk, done.stdout.strip())["JobName"] == "sbatch"


def checkout():
    from desk import CHECKOUT

    return str(CHECKOUT)


def test_disabled_it_is_plain_sbatch(desk):
    desk.write("job.sh", HELLO)
    done = desk.dart("sbatch", "--parsable", "-o", "plain.txt", "job.sh", DART_DISABLE="1")
    facts = shown(desk, done.out.strip())
    assert facts["Command"] == str(desk.path / "job.sh")


def test_an_array_has_a_seat_for_each_task(desk):
    text = '#!/bin/bash\n#SBATCH -t 5 --array=1-3\necho "task $SLURM_ARRAY_TASK_ID"\n'
    desk.write("job.sh", text)
    argv = [f"--dart-store={desk.store}", "--wait", "-o", "task-%a.txt", "job.sh"]
    assert desk.dart("sbatch", *argv).code == 0
    said = sorted((desk.path / f"task-{task}.txt").read_text() for task in (1, 2, 3))
    assert said == ["task 1\n", "task 2\n", "task 3\n"]
    status = desk.dart("status", f"--dart-store={desk.store}", "-n", "-P").out.splitlines()
    assert sorted(line.split("|")[0].partition("_")[2] for line in status) == ["1", "2", "3"]


def test_without_sbatch_on_path_it_is_one_line_and_code_10(desk, tmp_path):
    desk.write("job.sh", HELLO)
    done = desk.dart("sbatch", f"--dart-store={desk.store}", "job.sh", PATH=str(tmp_path))
    assert done.code == 10
    assert done.err.startswith("dart-sbatch: sbatch is not on PATH")
    assert len(done.err.splitlines()) == 1


def test_a_store_that_cannot_be_written_is_one_line_and_code_7(desk):
    desk.write("job.sh", HELLO)
    done = desk.dart("sbatch", "--dart-store=/proc/store", "job.sh")
    assert done.code == 7
    assert done.err.startswith("dart-sbatch: cannot make folder")
    assert len(done.err.splitlines()) == 1


def test_a_wrong_option_of_ours_is_one_line_and_code_2(desk):
    desk.write("job.sh", HELLO)
    for word in ("--dart-what=1", "--dart-lead=soon", "--dart-interval=-1"):
        done = desk.dart("sbatch", word, "job.sh")
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
