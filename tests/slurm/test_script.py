"""The generated batch script keeps what the user wrote."""

from __future__ import annotations

import subprocess

import pytest

from dartslurm.slurm.script import read_script, render, wrapped, wrapper_shebang

JOB = """#!/bin/bash
#SBATCH -t 5 --mem=10
# a word about this job

   # an indented comment
#DART --dart-lead=30
#SBATCH --signal=B:USR2@7
set -e
#SBATCH --qos=too-late
echo "$1"
"""


def make(text=JOB, **changes):
    script = read_script(text)
    given = {"folder": "/no/store/jobs/j-1", "python": "/no/python", "supervisor": "/no/s.py"}
    return render(script, key="j-1", asked=["--requeue"], **{**given, **changes})


def test_the_header_is_read_as_sbatch_reads_it():
    script = read_script(JOB)
    assert script.shebang == "#!/bin/bash"
    assert script.asked == {"time": "5", "mem": "10", "signal": "B:USR2@7"}
    assert script.dart == ["--dart-lead=30"]


def test_first_line_and_header_come_first_and_ours_before_the_users():
    lines = make().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert lines[1] == "#SBATCH --requeue"
    assert lines[2:4] == ["#SBATCH -t 5 --mem=10", "# a word about this job"]
    assert "#SBATCH --signal=B:USR2@7" in lines[:8]


def test_the_users_script_is_in_it_to_the_byte():
    assert make().endswith("\n" + JOB)


@pytest.mark.parametrize(
    ("shebang", "ours"),
    [
        ("#!/bin/bash", "#!/bin/bash"),
        ("#! /usr/bin/env bash", "#! /usr/bin/env bash"),
        ("#!/bin/sh", "#!/bin/sh"),
        ("#!/bin/bash -l", "#!/bin/sh"),
        ("#!/usr/bin/python3", "#!/bin/sh"),
        ("#!/bin/csh", "#!/bin/sh"),
    ],
)
def test_only_a_plain_shell_is_the_wrappers_own_first_line(shebang, ours):
    assert wrapper_shebang(shebang) == ours


@pytest.mark.parametrize("text", ["echo hi\n", "", "#!/bin/sh\r\necho\r\n", "#!/bin/sh\n\0"])
def test_what_sbatch_refuses_is_no_script(text):
    assert read_script(text) is None


def test_without_our_python_on_the_node_the_script_runs_as_it_is(tmp_path):
    batch = tmp_path / "batch.sh"
    batch.write_text(make())
    done = subprocess.run(
        ["bash", str(batch), "hello"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "NOT CAPTURED" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrapped_command_becomes_the_script_that_sbatch_makes():
    assert (
        wrapped("echo hi")
        == "#!/bin/sh\n# This script was created by sbatch --wrap.\n\necho hi\n\n"
    )


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_generated_script_is_valid_for_every_plain_shell(shell, tmp_path):
    batch = tmp_path / "batch.sh"
    batch.write_text(make(JOB, folder="/a b/it's", python="/p y", supervisor="/s'"))
    assert subprocess.run([shell, "-n", str(batch)], check=False).returncode == 0
