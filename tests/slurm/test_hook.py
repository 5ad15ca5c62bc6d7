"""The start-up hook takes programs over, and nothing else."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import dartslurm.slurm.steps

HOOK = Path(dartslurm.slurm.steps.__file__).parent / "hook"


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.delenv("DART_JOB_DIR", raising=False)
    return runpy.run_path(str(HOOK / "sitecustomize.py"), run_name="the_hook")


@pytest.mark.parametrize(
    ("words", "options", "program"),
    [
        (["x.py", "-c"], [], ["x.py", "-c"]),
        (["-u", "-W", "ignore", "x.py", "1"], ["-u", "-W", "ignore"], ["x.py", "1"]),
        (["-uO", "x.py"], ["-uO"], ["x.py"]),
        (["-Xdev", "-Werror", "x.py"], ["-Xdev", "-Werror"], ["x.py"]),
        (["-m", "pkg.mod", "-a"], [], ["-m", "pkg.mod", "-a"]),
        (["-um", "pkg"], ["-u"], ["-m", "pkg"]),
        (["-mpkg", "a"], [], ["-m", "pkg", "a"]),
        (["-c", "print(1)", "x"], [], ["-c", "print(1)", "x"]),
        (
            ["--check-hash-based-pycs", "always", "x.py"],
            ["--check-hash-based-pycs", "always"],
            ["x.py"],
        ),
        (["-"], [], ["-"]),
        ([], [], []),
        (["-V"], [], []),
        (["-i", "x.py"], [], []),
        (["--version"], ["--version"], []),
    ],
)
def test_a_python_command_line_is_split_as_python_does(hook, words, options, program):
    assert hook["_split"](words) == (options, program)


@pytest.mark.parametrize(
    "program", [["-m", "pip", "install"], ["/v/bin/pip3"], ["/c/bin/conda"], ["-m", "venv", "x"]]
)
def test_installers_are_left_alone(hook, program):
    assert hook["_is_tool"](program)


@pytest.mark.parametrize("program", [["x.py"], ["-m", "train"], ["-c", "pip"], ["/v/bin/train"]])
def test_programs_are_taken(hook, program):
    assert not hook["_is_tool"](program)


def python(*words, cwd, **environ):
    given = {**os.environ, "PYTHONPATH": str(HOOK), "DART_HOOK": str(HOOK)}
    given |= {"SLURM_JOB_ID": "7", "DART_SLURM_JOB_ID": "7", **environ}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=given, capture_output=True, text=True, check=False
    )


def test_outside_a_job_the_hook_leaves_no_trace(tmp_path):
    done = python("-c", "import sys; print([p for p in sys.path if 'hook' in p])", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_environments_own_sitecustomize_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('mine')\n")
    done = python("-c", "pass", cwd=tmp_path, PYTHONPATH=f"{HOOK}:{tmp_path}")
    assert (done.stdout, done.stderr) == ("mine\n", "")


def test_a_child_of_a_captured_program_stays_plain(tmp_path):
    given = {"DART_JOB_DIR": str(tmp_path), "DART_ACTIVE": "1"}
    done = python("-c", "print('plain')", cwd=tmp_path, **given)
    assert (done.stdout, done.stderr) == ("plain\n", "")


def test_a_job_submitted_from_one_of_ours_stays_plain(tmp_path):
    given = {"DART_JOB_DIR": str(tmp_path), "SLURM_JOB_ID": "8"}
    done = python("-c", "print('plain')", cwd=tmp_path, **given)
    assert (done.stdout, done.stderr) == ("plain\n", "")


def test_a_python_without_the_runtime_runs_the_program_after_one_line(tmp_path):
    (tmp_path / "dartslurm").mkdir()  # a home whose package has no runtime
    (tmp_path / "dartslurm" / "__init__.py").write_text("")
    given = {"DART_JOB_DIR": str(tmp_path), "DART_HOME": str(tmp_path)}
    code = "import sys; print(sys.argv, sys.flags.optimize); sys.exit(4)"
    done = python("-O", "-c", code, "a b", cwd=tmp_path, **given)
    assert (done.returncode, done.stdout) == (4, "['-c', 'a b'] 1\n")
    assert "NOT CAPTURED" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_begins_in_a_job_that_is_being_left(tmp_path):
    control = tmp_path / "control"
    control.write_text("stop\n")
    given = {"DART_JOB_DIR": str(tmp_path), "DART_CONTROL": str(control)}
    done = python("-c", "print('started')", cwd=tmp_path, **given)
    assert (done.returncode, done.stdout) == (85, "")


def test_any_python_can_read_the_hook():
    compile((HOOK / "sitecustomize.py").read_text(), "hook", "exec", dont_inherit=True)
    assert "f'" not in (HOOK / "sitecustomize.py").read_text()
