"""A pool of processes that is stopped: its work is neither lost nor done twice, nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WORK = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor

def work(n):
    with open(f"done{n}", "a") as file:
        file.write("x")
    time.sleep(0.1)
    return n * n

"""
PROGRAMS = {
    "executor": """
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(work, n) for n in range(24)]
        print("ready", flush=True)
        found = [one.result() for one in futures]
    """,
    "left": """
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(work, n) for n in range(24)]
        print("ready", flush=True)
    found = [one.result() for one in futures]
    """,
    "pool": """
    print("ready", flush=True)
    with multiprocessing.Pool(2) as pool:
        found = pool.map(work, range(24), chunksize=1)
    """,
    "joined": """
    pool = multiprocessing.Pool(2)
    asked = [pool.apply_async(work, (n,)) for n in range(24)]
    print("ready", flush=True)
    pool.close()
    pool.join()
    found = [one.get() for one in asked]
    """,
}


def start(script, folder):
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "dartslurm", "--dart-store=s", "--dart-interval=3600", script],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture(params=PROGRAMS)
def stopped(tmp_path, request):
    """Stop a program in the middle of its work, with a signal to its whole process group."""
    script = tmp_path / "job.py"
    program = PROGRAMS[request.param]
    script.write_text(f"{WORK}if __name__ == '__main__':{program}print(len(found), sum(found))")
    process = start(script, tmp_path)
    assert process.stdout.readline() == "ready\n"
    while len(list(tmp_path.glob("done*"))) < 8:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGUSR1)
    said = process.communicate(timeout=60)
    assert process.returncode == 85, said
    return process


def test_only_what_was_in_the_workers_hands_is_done_again(dart, stopped, tmp_path):
    said = dart("resume", "--dart-store=s", "--here")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"24 {sum(n * n for n in range(24))}\n"
    times = [len((tmp_path / f"done{n}").read_text()) for n in range(24)]
    assert min(times) == 1
    assert times[:5] == [1] * 5  # when the eighth was begun, these were done


def test_a_stopped_program_leaves_no_workers_behind(stopped):
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(stopped.pid, 0)
            time.sleep(0.1)


def test_workers_end_when_they_are_told_to(dart, tmp_path):
    """A signal that comes just before a worker waits must not wait with it."""
    script = tmp_path / "job.py"
    script.write_text(
        "import multiprocessing\n"
        "for _ in range(40):\n"
        "    with multiprocessing.Pool(2) as pool:\n"
        "        pool.map(abs, range(3))\n"
        "print('ended')\n"
    )
    assert dart("run", "--dart-store=s", script, timeout=60).out == "ended\n"
