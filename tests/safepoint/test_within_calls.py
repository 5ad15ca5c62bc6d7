"""A program that is one call of a C function over its own generator takes versions inside it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RESUME = "import sys; from dartslurm.cli.resume import entry; sys.exit(entry())"
PROGRAM = """
import time
def given(item):
    time.sleep(0.02)
    return item
def score(number):
    if number == 5:
        print("underway", flush=True)
    return given(-number)
def items():
    for number in range(60):
        if number == 5:
            print("underway", flush=True)
        item = given(number * 7 % 31)
        yield item
print({call})
"""
CALLS = {
    "list": "list(items())",
    "sorted": "sorted(items())",
    "join": "','.join(map(str, items()))",
    "sum": "sum(items())",
    "max": "max(items())",
    "key": "min(range(60), key=score)",
    "nested": "sum(len(list(items())) + number for number in range(2))",
}


def start(folder, *words):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DART_")}
    return subprocess.Popen(
        [sys.executable, *words], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_signal_commits_inside_the_only_call_of_a_program(call, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM.format(call=call))
    plain, _ = start(tmp_path, str(script)).communicate(timeout=60)
    options = [f"--dart-store={tmp_path}/s", "--dart-interval=3600"]
    process = start(tmp_path, "-m", "dartslurm", *options, str(script))
    first = process.stdout.readline()
    process.send_signal(signal.SIGUSR1)
    before, _ = process.communicate(timeout=60)
    assert process.returncode == 85
    (journal,) = tmp_path.glob("s/runs/*/journal.jsonl")
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    (version,) = [row for row in rows if row["event"] == "committed"]
    assert version["place"].partition(", ")[2] in ("given", "items", "score")
    after, _ = start(tmp_path, "-c", RESUME, options[0], "--here").communicate(timeout=60)
    assert first + before + after == plain


def run_signalled(folder, text):
    """Stop a program by USR1 when it is underway; return its exit code and its journal."""
    script = folder / "script.py"
    script.write_text(text)
    process = start(folder, "-m", "dartslurm", f"--dart-store={folder}/s", str(script))
    assert process.stdout.readline() == "underway\n"
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    (journal,) = folder.glob("s/runs/*/journal.jsonl")
    return process.returncode, [json.loads(line) for line in journal.read_text().splitlines()]


def test_the_journal_says_what_a_request_waited_for_until_the_end(tmp_path):
    code, rows = run_signalled(tmp_path, PROGRAM.format(call="sorted(range(60), key=score)[:3]"))
    assert code == 0
    assert [row["waited_for"] for row in rows if row["event"] == "no-instant"] == [
        "sorted in <module>"
    ]


HELD = """
import shutil, socket, time
left = {calls}
class Source:
    def __init__(self):
        self.pair = socket.socketpair()
    @staticmethod
    def read(size):
        global left
        if left == {calls}:
            print("underway", flush=True)
        total = 0
        for number in range(2000):
            total += number
        left -= 1
        return str(total) if left else ""
class Target:
    def write(self, text):
        pass
shutil.copyfileobj(Source(), Target())
for number in range(20):
    time.sleep(0.05)
print("done")
"""


def test_a_library_that_holds_what_would_be_lost_is_left_alone_until_it_ends(tmp_path):
    code, rows = run_signalled(tmp_path, HELD.format(calls=2000))
    assert code == 85
    (version,) = [row for row in rows if row["event"] == "captured"]
    assert version["attempts"] < 50
