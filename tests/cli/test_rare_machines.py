"""Machines that nobody wants: an interpreter that cannot be captured, a store that is full."""

import os
import subprocess
import sys

import pytest


def test_an_unsupported_interpreter_runs_the_program_uncaptured_and_says_so(tmp_path):
    script = tmp_path / "hello.py"
    script.write_text("import sys\nprint('hello', sys.argv[1])\nsys.exit(4)\n")
    unknown = (
        "from dartslurm.interpreter import layouts\n"
        "layouts._ROWS.clear()\n"
        "from dartslurm.cli.run import main\n"
        f"raise SystemExit(main(['--dart-store', {str(tmp_path / 'store')!r},"
        f" {str(script)!r}, 'world']))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", unknown], capture_output=True, text=True, timeout=60
    )
    assert said.stdout == "hello world\n"
    assert said.returncode == 4
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith("dart: CPython")
    assert "NOT CAPTURED" in said.stderr
    assert not (tmp_path / "store").exists()


@pytest.fixture
def tiny_disk(tmp_path):
    """Mount a file system of 600 KiB, where that is allowed."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k,mode=0700", "tmpfs", str(place)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_store_never_reaches_the_program(tiny_disk, tmp_path):
    script = tmp_path / "grow.py"
    script.write_text(
        "import glob, os, sys, time\n"
        "kept = []\n"
        "for i in range(30):\n"
        "    while i == 1 and not glob.glob(sys.argv[1]):\n"
        "        pass\n"
        "    kept.append(os.urandom(200_000))\n"
        "    until = time.perf_counter() + 0.05\n"
        "    while time.perf_counter() < until:\n"
        "        pass\n"
        "    print(i, len(kept))\n"
        "raise SystemExit(6)\n"
    )
    said = subprocess.run(
        [sys.executable, "-m", "dartslurm", f"--dart-store={tiny_disk}/store",
         "--dart-interval=0.1", str(script), f"{tiny_disk}/store/runs/*/versions/0*"],
        capture_output=True, text=True, timeout=100, cwd=tmp_path,
    )  # fmt: skip
    assert said.stdout.splitlines() == [f"{i} {i + 1}" for i in range(30)]
    assert (said.returncode, said.stderr) == (6, "")
    log = subprocess.run(
        [sys.executable, "-c", "from dartslurm.cli.log import entry; entry()",
         f"--dart-store={tiny_disk}/store"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert log.returncode == 0, log.stderr
    assert "interval" in log.stdout  # an early version fitted, and is still whole
    leavings = [f for _, _, fs in os.walk(tiny_disk) for f in fs if f.endswith(".tmp")]
    assert leavings == []


def test_a_store_with_no_room_at_all_is_refused_with_one_line(tiny_disk, tmp_path):
    with open(tiny_disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    script = tmp_path / "hello.py"
    script.write_text("print('hello')\n")
    said = subprocess.run(
        [sys.executable, "-m", "dartslurm", f"--dart-store={tiny_disk}/store", str(script)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 7, said.stderr
    assert said.stdout == ""
    assert said.stderr.count("\n") == 1
