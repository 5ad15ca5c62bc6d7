"""However a job script starts Python, the runtime is in it, and the program sees no difference.

Each case is a job script; ``hooked`` is how many captured programs it has. All are submitted at
once and looked at one by one.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk import Desk, Job

PROBE = """\
import sys
print("probe", sys.argv[1:], sys.flags.optimize, sys.flags.dev_mode, __name__, flush=True)
"""
SAID = r"probe \['a b'\] 0 False __main__"

CASES = {
    "plain": ("python x.py 'a b'", 1, SAID),
    "venv_activated": (". ./venv/bin/activate\npython x.py 'a b'", 1, SAID),
    "venv_by_path": ("./venv/bin/python x.py 'a b'", 1, SAID),
    "absolute_path": ("{python} x.py 'a b'", 1, SAID),
    "srun": ("srun python x.py 'a b'", 1, SAID),
    "srun_venv": ("srun ./venv/bin/python x.py 'a b'", 1, SAID),
    "srun_shell": ("srun bash -c \"python x.py 'a b'\"", 1, SAID),
    "module": ("python -m x 'a b'", 1, SAID),
    "code": (
        "python -c 'import sys; print(\"probe\", sys.argv)' 'a b'",
        1,
        r"probe \['-c', 'a b'\]",
    ),
    "shebang_env": ("./env.py 'a b'", 1, SAID),
    "shebang_absolute": ("./absolute.py 'a b'", 1, SAID),
    "exec": ("exec python x.py 'a b'", 1, SAID),
    "options": ("python -O -X dev -u x.py 'a b'", 1, r"probe \['a b'\] 1 True __main__"),
    "no_user_site": ("python -s x.py 'a b'", 1, SAID),
    "nested_script": ("./nested.sh 'a b'", 1, SAID),
    "timeout": ("timeout 60 python x.py 'a b'", 1, SAID),
    "xargs": ("echo one two | xargs -n 1 python x.py", 2, r"probe \['two'\]"),
    "pipe": ("python x.py 'a b' | cat", 1, SAID),
    "entry_point": ("./venv/bin/entry 'a b'", 1, SAID),
    "pythonpath_kept": ("PYTHONPATH=$PWD/lib:$PYTHONPATH python -m y", 1, "probe y"),
    "children": (
        'python -c \'import subprocess, sys; subprocess.run([sys.executable, "x.py", "a b"])\'',
        1,
        SAID,
    ),
    "pip": ("python -m pip --version", 0, "pip "),
    "pythonpath_replaced": ("PYTHONPATH=lib python -m y", 0, "probe y"),
    "isolated": ("python -I x.py 'a b'", 0, SAID),
    "disabled": ("DART_DISABLE=1 python x.py 'a b'", 0, SAID),
}


def lay_out(desk: Desk) -> None:
    desk.write("x.py", PROBE)
    desk.write("env.py", "#!/usr/bin/env python\n" + PROBE)
    desk.write("absolute.py", f"#!{sys.executable}\n" + PROBE)
    desk.write("nested.sh", '#!/bin/sh\npython x.py "$@"\n')
    (desk.path / "lib").mkdir()
    desk.write("lib/y.py", "print('probe y')\n")
    argv = [sys.executable, "-m", "venv", "--without-pip", str(desk.path / "venv")]
    subprocess.run(argv, check=True)
    desk.write("venv/bin/entry", f"#!{desk.path}/venv/bin/python\n" + PROBE)


@pytest.fixture(scope="module")
def jobs(cluster) -> dict[str, Job]:
    desk = Desk(cluster, cluster.root / "desks" / "injection")
    desk.path.mkdir(parents=True)
    lay_out(desk)
    path = f'export PATH="{Path(sys.executable).parent}:$PATH"'
    found = {}
    for name, (command, _, _) in CASES.items():
        text = f"#!/bin/bash\n#SBATCH -t 5\n{path}\n{command.format(python=sys.executable)}\n"
        found[name] = desk.submit(text, script=f"{name}.sh")
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_runtime_is_in_it_and_the_program_sees_no_difference(jobs, name):
    _, hooked, said = CASES[name]
    job = jobs[name]
    facts = job.wait_end(seconds=120)
    assert facts["JobState"] == "COMPLETED", job.output()
    assert re.search(said, job.printed()), job.output()
    assert len(steps(job)) == hooked, job.output()


def steps(job: Job) -> list[Path]:
    return list((job.folder / "steps").glob("*.json"))


def test_a_script_that_is_itself_python_is_captured(desk):
    text = f"#!{sys.executable}\n#SBATCH -t 5\n{PROBE}"
    job = desk.submit(text, script="train.py", args=("a b",))
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert re.search(SAID, job.printed())
    assert len(steps(job)) == 1


def test_a_login_shell_as_first_line_reads_its_profile_once(desk):
    desk.write(".bash_profile", "echo profile\n")
    text = f"#!/bin/bash -l\n#SBATCH -t 5\n{sys.executable} x.py 'a b'\n"
    desk.write("x.py", PROBE)
    desk.environ["HOME"] = str(desk.path)
    job = desk.submit(text)
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert job.printed().count("profile") == 1
    assert re.search(SAID, job.printed())


def test_an_unsupported_python_runs_the_program_after_one_line(desk):
    desk.write("x.py", PROBE)
    fake = desk.write("python9", f'#!/bin/sh\nexec {sys.executable} -c "$(cat old.py)" "$@"\n')
    package = Path(importlib.util.find_spec("dartslurm").origin).parent
    hook = package / "slurm" / "hook"
    desk.write(
        "old.py",
        "import sys; sys.version_info = (3, 9, 1); sys.orig_argv[1:] = sys.argv[1:]\n"
        f"sys.path.insert(0, {str(hook)!r}); exec(open({str(hook)!r} + '/sitecustomize.py').read(),"
        f" {{'__name__': 'sitecustomize', '__file__': {str(hook)!r} + '/sitecustomize.py'}})\n"
        "print('ran plainly')\n",
    )
    text = f"#!/bin/bash\n#SBATCH -t 5\nunset PYTHONPATH\n{fake} x.py\n"
    job = desk.submit(text)
    assert job.wait_end()["JobState"] == "COMPLETED", job.output()
    assert job.printed() == "ran plainly\n"
    lines = [line for line in job.output().splitlines() if "NOT CAPTURED" in line]
    assert len(lines) == 1
    assert "needs CPython 3.11 to 3.13" in lines[0]
