"""A signal handler of the program runs in the program's code, and what it raises ends there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dartslurm.safepoint import request
from dartslurm.safepoint.gate import Gate
from dartslurm.safepoint.rest import Rest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import signal, sys, time
class Timeout(Exception): pass
def ring(number, frame):
    if frame.f_globals is not globals():
        odd.append(frame.f_code.co_qualname)
    raise Timeout
def work():
    n = 0
    while True:
        n += 1
def wait():
    time.sleep(60)
odd, rounds, got = [], int(sys.argv[2]), 0
signal.signal(signal.SIGALRM, ring)
for i in range(rounds):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003)  # once: nothing rings again
        globals()[sys.argv[1]]()
    except Timeout:
        got += 1
print(got, len(odd) <= rounds // 10)
"""


def run(place, *arguments):
    script = place / "job.py"
    script.write_text(PROGRAM)
    command = ["-m", "dartslurm", "--dart-store=s", "--dart-interval=0.01", script, *arguments]
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("where", ["work", "wait"])
def test_every_timeout_reaches_the_statement_that_it_was_meant_for(tmp_path, where):
    done = run(tmp_path, where, "300")
    assert (done.returncode, done.stdout, done.stderr) == (0, "300 True\n", "")
    [journal] = tmp_path.rglob("journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sum(one["event"] == "committed" for one in events) > 1
    assert not [one for one in events if one["event"] == "problem"]


def no_memory():
    raise MemoryError


def of_the_program():
    raise MemoryError


def looks_like_the_programs(code):
    return code.co_filename == "<string>" or code is of_the_program.__code__


@pytest.mark.parametrize("fails", [no_memory, of_the_program])
def test_what_fails_in_generated_code_of_ours_is_not_the_programs(monkeypatch, fails):
    """The `__init__` of a dataclass says that it stands in the file ``<string>``."""
    said = []
    rest = Rest(lambda _: False, lambda *_: ("", None), dict)
    gate = Gate(lambda *_: "no", lambda _: False, looks_like_the_programs, said.append, rest)
    monkeypatch.setattr(request, "monotonic", fails)
    with pytest.raises(MemoryError) as caught:
        request.Request("test")
    assert gate.failed(caught.value) == (fails is of_the_program)
    assert said == ([] if fails is of_the_program else ["MemoryError: "])
