"""``dart-run``: what passes through, and what is refused with which line and exit code."""

from __future__ import annotations

import os
import stat
import sys

import pytest


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "job.py"
    path.write_text("import sys\nprint(sys.argv[1:], __name__)\nsys.exit(7)\n")
    return path


def test_the_programs_arguments_and_exit_code_pass_through(dart, script):
    said = dart("run", "--dart-store=store", script, "a", "--dart-interval=5", "-x")
    assert (said.code, said.out) == (7, "['a', '--dart-interval=5', '-x'] __main__\n")


def test_code_and_module_are_started_as_python_does(dart, tmp_path):
    (tmp_path / "lib.py").write_text("import sys\nprint(sys.argv[1:], __name__)\n")
    module = dart("run", "--dart-store=s", "-m", "lib", "q")
    code = dart("run", "--dart-store=s", "-c", "import sys; print(sys.argv)", "q")
    assert (module.code, module.out) == (0, "['q'] __main__\n")
    assert (code.code, code.out) == (0, "['-c', 'q']\n")


def test_standard_input_reaches_the_program_untouched(dart, tmp_path):
    said = dart("run", "--dart-store=s", "-c", "import sys; print(repr(sys.stdin.read()))")
    assert said.out == "''\n"


def test_no_program_at_all_is_a_usage_error(dart):
    dart("run").refuses(2, "dart-run")


def test_no_such_script_is_refused_and_named(dart):
    dart("run", "--dart-store=s", "missing.py").refuses(2, "missing.py")


def test_a_folder_without_main_is_refused(dart, tmp_path):
    (tmp_path / "folder").mkdir()
    dart("run", "--dart-store=s", "folder").refuses(2, "folder")


def test_no_such_module_ends_as_in_plain_python(dart):
    said = dart("run", "--dart-store=s", "-m", "no_such_module_here")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("No module named no_such_module_here\n")


@pytest.mark.parametrize(
    "content", [b"\x7fELF\x02\x01\x01\x00" * 9, b"#!/bin/bash\nfor x in a; do echo $x; done\n"]
)
def test_a_script_that_is_not_python_is_refused_and_named(dart, tmp_path, content):
    (tmp_path / "job.sh").write_bytes(content)
    dart("run", "--dart-store=s", "job.sh").refuses(2, "job.sh", "not a Python script")


@pytest.mark.parametrize(
    "option", ["--dart-interval=soon", "--dart-interval=-5", "--dart-intervall=5"]
)
def test_a_wrong_option_is_refused_and_named(dart, script, option):
    dart("run", option, script).refuses(2, option.split("=")[0])


def test_a_store_below_a_file_is_refused_before_the_program_starts(dart, script, tmp_path):
    (tmp_path / "file").write_text("")
    dart("run", f"--dart-store={tmp_path}/file/store", script).refuses(7, "file/store")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_not_be_written_is_refused(dart, script, tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    dart("run", f"--dart-store={tmp_path}/shut/store", script).refuses(7, "shut")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_store_of_somebody_else_is_refused(dart, script, stopped):
    os.chown(stopped.store, 65534, -1)
    dart("run", stopped.option, script).refuses(9, str(stopped.store))


def test_a_store_that_others_may_write_is_refused(dart, script, stopped):
    stopped.store.chmod(0o777)
    dart("run", stopped.option, script).refuses(9, str(stopped.store))


def test_the_store_is_for_its_owner_only_whatever_the_umask(dart, stopped):
    open_to_others = stat.S_IRWXG | stat.S_IRWXO
    wrong = [
        p for p in [stopped.store, *stopped.store.rglob("*")] if p.stat().st_mode & open_to_others
    ]
    assert wrong == []


def test_disabled_the_program_runs_plain(dart, script, tmp_path):
    said = dart("run", "--dart-store=store", script, DART_DISABLE="1")
    assert (said.code, said.out, said.err) == (7, "[] __main__\n", "")
    assert not (tmp_path / "store").exists()


def test_without_an_option_the_store_is_that_of_the_environment(dart, script, tmp_path):
    dart("run", script, DART_STORE=str(tmp_path / "one"))
    dart("run", script, SCRATCH=str(tmp_path))
    dart("run", script, SCRATCH="")
    assert all((tmp_path / name).is_dir() for name in ("one", "dart", ".dart"))


@pytest.mark.parametrize("command", ["run", "resume", "log"])
def test_help_and_version_are_answered(dart, command):
    assert f"Usage: dart-{command}" in dart(command, "--help").out
    assert dart(command, "--version").out.startswith("dart-" + command)


def test_an_uncaught_exception_looks_as_in_plain_python(dart, tmp_path):
    import subprocess

    path = tmp_path / "bad.py"
    path.write_text("def f(n):\n    return 1 / n\n\nprint('x')\nf(0)\n")
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True)
    said = dart("run", "--dart-store=s", path)
    kept = [line for line in said.err.splitlines() if not line.startswith("dart")]
    assert (said.code, said.out, kept) == (1, plain.stdout, plain.stderr.splitlines())


CLAIMS_TO_BE_A_MODULE = """
import sys, types
class Lib:
    __class__ = property(lambda self: types.ModuleType)
sys.modules["claims"] = Lib()
import wave, csv
print(isinstance(sys.modules["claims"], types.ModuleType), csv.__name__)
"""


def test_an_import_works_beside_an_object_that_only_claims_to_be_a_module(dart, tmp_path):
    (tmp_path / "claims.py").write_text(CLAIMS_TO_BE_A_MODULE)
    said = dart("run", f"--dart-store={tmp_path / 'store'}", tmp_path / "claims.py")
    assert (said.code, said.out, said.err) == (0, "True csv\n", "")


LONG_CALL = """
import sys, time
seen = []
def key(item):
    seen.append(sys.gettrace() is not None)
    if item % 1000 == 0 and time.monotonic() > end:
        raise TimeoutError
    return item
end = time.monotonic() + 2.0
try:
    sum(key(i) for i in range(10**9))
except TimeoutError:
    print(sum(seen) < len(seen) / 2)
"""


def test_a_c_function_that_calls_python_for_long_is_hardly_traced(dart, tmp_path):
    (tmp_path / "long.py").write_text(LONG_CALL)
    options = [f"--dart-store={tmp_path / 'store'}", "--dart-interval=0.1"]
    said = dart("run", *options, tmp_path / "long.py")
    assert (said.code, said.out) == (0, "True\n"), said


def test_the_programs_own_modules_win_over_those_the_runtime_has_loaded(dart, tmp_path):
    (tmp_path / "json.py").write_text("mine = ['json']\n")
    (tmp_path / "random.py").write_text("def pick():\n    return 'random'\n")
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "__init__.py").write_text("mine = 'email'\n")
    (tmp_path / "job.py").write_text(
        "import os, signal, sys\n"
        "import json\n"
        "if '--stop' in sys.argv:\n    os.kill(os.getpid(), signal.SIGUSR1)\n"
        "json.mine.append(1)\n"
        "import email, random\n"
        "print(json.mine, email.mine, random.pick())\n"
    )
    expected = "['json', 1] email random\n"
    assert dart("run", "--dart-store=plain", "job.py").out == expected
    stopped = dart("run", "--dart-store=s", "job.py", "--stop")
    assert (stopped.code, stopped.out) == (85, "")
    assert dart("resume", "--dart-store=s", "--here").out == expected
