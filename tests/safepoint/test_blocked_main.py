"""A main thread that sleeps, joins or selects takes versions, and its last one, where it waits."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RESUME = "import sys; from dartslurm.cli.resume import entry; sys.exit(entry())"
SLEEP = """
import time
calls = []
print("before", flush=True)
calls.append(time.sleep({seconds})) or calls.append("after")
print(calls)
"""
JOIN = """
import threading
go = threading.Event()
thread = threading.Thread(target=go.wait, name="waits", daemon=True)
thread.start()
print("before", flush=True)
thread.join({seconds})
print(thread.name, thread.is_alive(), flush=True)
go.set()
thread.join()
print(thread.is_alive())
"""
SELECT = """
import select
print("before", flush=True)
print(select.select([], [], [], {seconds}))
"""


class Place:
    """A folder with a script and a store; starts the script, and lets it go on."""

    def __init__(self, folder):
        self.folder = folder

    def start(self, text, *options):
        script = self.folder / "script.py"
        script.write_text(text)
        return self._popen(
            "-m", "dartslurm", f"--dart-store={self.folder}/s", *options, str(script)
        )

    def resume(self):
        return self._popen("-c", RESUME, f"--dart-store={self.folder}/s", "--here")

    def _popen(self, *words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DART_")}
        return subprocess.Popen(
            [sys.executable, *words], cwd=self.folder, stdout=subprocess.PIPE, text=True,
            env={**environment, "PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip

    def events(self, name):
        (journal,) = self.folder.glob("s/runs/*/journal.jsonl")
        rows = [json.loads(line) for line in journal.read_text().splitlines()]
        return [row for row in rows if row["event"] == name]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
@pytest.mark.parametrize("text", [SLEEP, JOIN, SELECT], ids=["sleep", "join", "select"])
def test_a_signal_commits_in_the_middle_of_an_hour_of_waiting(place, text, number):
    process = place.start(text.format(seconds=3600), "--dart-interval=3600")
    assert process.stdout.readline() == "before\n"
    process.send_signal(number)
    assert process.wait(60) == (85 if number == signal.SIGUSR1 else 143)
    assert [row["cause"] for row in place.events("committed")] == ["signal"]
    assert not place.events("no-instant")


@pytest.mark.parametrize(
    ("text", "rest"),
    [(SLEEP, "[None, 'after']\n"), (JOIN, "waits True\nFalse\n"), (SELECT, "([], [], [])\n")],
    ids=["sleep", "join", "select"],
)
def test_the_interrupted_wait_goes_on_and_its_statement_is_executed_once(place, text, rest):
    process = place.start(text.format(seconds=2), "--dart-interval=3600")
    assert process.stdout.readline() == "before\n"
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == 85
    again = place.resume()
    assert again.communicate(timeout=60)[0] == rest
    assert again.returncode == 0


def test_versions_are_taken_by_the_clock_while_the_main_thread_only_waits(place):
    process = place.start(SLEEP.format(seconds=3), "--dart-interval=0.3")
    assert process.communicate(timeout=60)[0] == "before\n[None, 'after']\n"
    assert len(place.events("committed")) > 2
