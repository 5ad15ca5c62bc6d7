"""``dart-resume --here``: it goes on to the end, or refuses with one line and nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXPECTED = "".join(f"{i} {i * (i + 1) // 2}\n" for i in range(30)) + "end 435\n"


def damage(made):
    """Flip one byte in the middle of the newest version file."""
    newest = max((made.store).rglob("versions/*"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0x40
    newest.chmod(0o600)
    newest.write_bytes(content)


def test_it_goes_on_where_the_last_attempt_stopped(dart, stopped):
    said = dart("resume", stopped.option, "--here")
    assert said.code == 0
    assert EXPECTED.endswith(said.out)
    assert 0 < len(said.out) < len(EXPECTED)


def test_the_newest_run_is_taken_when_none_is_named(dart, stopped):
    named = dart("resume", stopped.option, "--here", stopped.run.record.run_id)
    assert (named.code, named.out[-8:]) == (0, "end 435\n")


def test_one_version_resumed_twice_gives_the_same_result(dart, stopped, copy_of):
    first = stopped.run.versions()[0].number
    ways = [f"--at={first}"], [f"{stopped.run.record.run_id}@{first}"]
    outs = [dart("resume", copy_of(stopped).option, "--here", *way) for way in ways]
    assert outs[0].out == outs[1].out
    assert [one.code for one in outs] == [0, 0]


def test_two_versions_at_once_are_refused(dart, stopped):
    dart("resume", stopped.option, "--at=2", "--here", "@1").refuses(2, "@1", "--at")


def test_a_finished_run_says_so_and_runs_nothing(dart, tmp_path):
    dart("run", "--dart-store=s", "-c", "print('once')")
    said = dart("resume", "--dart-store=s", "--here")
    assert (said.code, said.out) == (0, "")
    assert "finished" in said.err


def test_a_run_that_failed_goes_on_from_its_newest_version(dart, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import os\nprint('computing')\nresult = 6 * 7\nos.rmdir('locked')\nprint(result)\n"
    )
    first = dart("run", "--dart-store=s", script, DART_TEST_STOP_AT="4")
    failed = dart("resume", "--dart-store=s", "--here")
    (tmp_path / "locked").mkdir()
    last = dart("resume", "--dart-store=s", "--here")
    assert (first.code, first.out) == (85, "computing\n")
    assert (failed.code, failed.out) == (1, "")
    assert (last.code, last.out) == (0, "42\n")


@pytest.mark.parametrize("loop", ["for line in sys.stdin:", "while line := sys.stdin.readline():"])
@pytest.mark.parametrize("again", ["nothing", "the file", "a pipe"])
def test_standard_input_from_a_file_is_read_on(dart, tmp_path, loop, again):
    source = tmp_path / "input.txt"
    source.write_text("".join(f"line {number} ä\n" for number in range(40)))
    script = tmp_path / "reader.py"
    script.write_text(f"import sys\n{loop}\n    print(line, end='')\nprint('end')\n")
    first = dart("run", "--dart-store=s", script, stdin=source, DART_TEST_STOP_AT="19")
    given = {"nothing": None, "the file": source, "a pipe": "other\n"}[again]
    second = dart("resume", "--dart-store=s", "--here", stdin=given, DART_TEST_STOP_AT="12")
    last = dart("resume", "--dart-store=s", "--here", stdin=given)
    assert (first.code, second.code, last.code) == (85, 85, 0)
    assert first.out + second.out + last.out == source.read_text() + "end\n"


def test_no_store_there_is_refused(dart, tmp_path):
    dart("resume", "--dart-store=nowhere", "--here").refuses(3, "nowhere")


def test_an_unknown_run_is_refused_and_named(dart, stopped):
    dart("resume", stopped.option, "--here", "r-00000000").refuses(3, "r-00000000")


def test_an_empty_store_is_refused(dart, tmp_path):
    from dartslurm.store.repository import Repository

    Repository.open(str(tmp_path / "empty"), create=True)
    dart("resume", "--dart-store=empty", "--here").refuses(3, "empty")


@pytest.mark.parametrize(("at", "code"), [("99", 4), ("zero", 4)])
def test_a_version_that_does_not_exist_is_refused_and_named(dart, stopped, at, code):
    dart("resume", stopped.option, f"--at={at}", "--here").refuses(code, at)
    dart("resume", stopped.option, "--here", f"@{at}").refuses(code, at)


def test_an_unknown_option_is_refused_and_named(dart, stopped):
    dart("resume", stopped.option, "--here", "--dart-speed=3").refuses(2, "--dart-speed")


def test_changed_source_is_refused_and_named_unless_drift_is_allowed(dart, stopped):
    stopped.script.write_text(stopped.script.read_text().replace("total += i", "total += 2 * i"))
    dart("resume", stopped.option, "--here").refuses(6, "count.py", "--allow-drift")
    said = dart("resume", stopped.option, "--here", "--allow-drift")
    assert (said.code, said.out[-8:]) == (0, "end 435\n")


def test_a_damaged_version_that_was_named_is_refused(dart, stopped):
    newest = stopped.run.versions()[-1].number
    damage(stopped)
    dart("resume", stopped.option, f"--at={newest}", "--here").refuses(8, str(newest))


def test_behind_a_damaged_version_the_older_one_serves(dart, stopped):
    damage(stopped)
    said = dart("resume", stopped.option, "--here")
    assert (said.code, said.out[-8:]) == (0, "end 435\n")
    assert "damaged" in said.err


def test_a_refusal_loses_nothing(dart, stopped):
    source = stopped.script.read_text()
    stopped.script.write_text("print('other')\n")
    assert dart("resume", stopped.option, "--here").code == 6
    stopped.script.write_text(source)
    assert dart("resume", stopped.option, "--here").out[-8:] == "end 435\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_store_of_somebody_else_is_refused(dart, stopped):
    os.chown(stopped.store, 65534, -1)
    dart("resume", stopped.option, "--here").refuses(9, str(stopped.store))


def test_a_run_that_is_alive_is_refused(dart, tmp_path):
    code = "import time\nprint('up', flush=True)\nwhile True: time.sleep(0.05)"
    command = [
        sys.executable,
        "-m",
        "dartslurm",
        "--dart-store=s",
        "--dart-interval=0.2",
        "-c",
        code,
    ]
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    alive = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    )
    try:
        assert alive.stdout.readline() == b"up\n"
        wait_for_version(tmp_path / "s")
        dart("resume", "--dart-store=s", "--here").refuses(5, str(alive.pid))
        assert alive.poll() is None
    finally:
        alive.send_signal(signal.SIGKILL)
        alive.wait()
        alive.stdout.close()


@pytest.mark.parametrize("minor", ["3.12", "3.13"])
def test_another_python_minor_is_refused_and_named(dart, stopped, minor):
    other = REPOSITORY / f".venv-{minor}" / "bin" / "python"
    if not other.exists() or sys.version_info[:2] == tuple(map(int, minor.split("."))):
        pytest.skip(f"needs a second Python in {other.parent.parent.name}")
    dart("resume", stopped.option, "--here", python=str(other)).refuses(6, minor)


def wait_for_version(store):
    limit = time.monotonic() + 60
    while not any(path.name.isdigit() for path in store.rglob("versions/*")):
        assert time.monotonic() < limit, "no version was committed"
        time.sleep(0.02)


def test_a_version_without_what_a_librarys_function_needs_is_not_taken(dart, tmp_path):
    library = tmp_path / "site-packages" / "fitlib.py"
    library.parent.mkdir()
    library.write_text(
        "import zlib\n"
        "def fit(step):\n"
        "    packer = zlib.compressobj()\n"
        "    parts = [packer.compress(step(i)) for i in range(3)]\n"
        "    return len(b''.join(parts) + packer.flush())\n"
    )
    (tmp_path / "job.py").write_text(
        f"import sys\nsys.path.insert(0, {str(library.parent)!r})\n"
        "import fitlib\n"
        "def step(i):\n    text = b'dart' * i\n    return text\n"
        "for k in range(3):\n    print(k, fitlib.fit(step))\n"
    )
    plain = dart("run", "job.py", DART_DISABLE="1")
    first = dart("run", "--dart-store=s", "job.py", DART_TEST_STOP_AT="8")
    last = dart("resume", "--dart-store=s", "--here")
    assert first.code == 85
    assert (last.code, first.out + last.out) == (0, plain.out)


def test_many_resumes_leave_no_open_files_behind(dart, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import os\nkept = open('kept.txt', 'w+')\nfor i in range(40):\n    kept.write('x')\n"
        "    print(len(os.listdir('/proc/self/fd')), flush=True)\n"
    )
    dart("run", "--dart-store=s", script, DART_TEST_STOP_AT="6")
    counts = []
    for _ in range(8):
        said = dart("resume", "--dart-store=s", "--here", DART_TEST_STOP_AT="7")
        assert said.code == 85
        counts.append(set(said.out.split()))
    assert all(counts)
    assert len(set().union(*counts)) == 1, counts


def test_a_run_begins_again_in_the_folder_that_it_had_removed(dart, tmp_path):
    script = tmp_path / "removes.py"
    script.write_text(
        "import os, shutil, signal\n"
        "print(open('data.txt').read(), flush=True)\n"
        "shutil.rmtree(os.getcwd())\n"
        "if os.environ.get('KILL'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "print('end')\n"
    )
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "data.txt").write_text("data")
    store = f"--dart-store={tmp_path / 'store'}"
    assert dart("run", store, script, cwd=folder, KILL="1").code == -9
    assert not folder.exists()
    then = dart("resume", store, "--here", KILL="")
    assert (then.code, then.out) == (0, "data\nend\n"), then
    assert not folder.exists()


def test_versions_are_taken_after_a_resume_from_long_before(dart, tmp_path):
    (tmp_path / "job.py").write_text(
        "import os, signal, sys, time\n"
        "time.sleep(3)\n"  # the clock of the resumed process is set back by this and by the restart
        "if not os.path.exists('stopped'):\n"
        "    os.system('touch stopped')\n"  # a child's doing is not undone
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end:\n    time.sleep(0.01)\n"
    )
    assert dart("run", "--dart-store=s", "--dart-interval=0.5", "job.py").code == -9
    resumed = dart("resume", "--dart-store=s", "--here", "--at=1", DART_INTERVAL="0.5")
    assert resumed.code == 0, resumed
    versions = json.loads(dart("log", "--dart-store=s", "--json").out)["versions"]
    assert [each["attempt"] for each in versions].count(2) >= 2
