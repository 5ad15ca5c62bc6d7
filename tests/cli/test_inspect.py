"""``dart-inspect``: every variable of a version with its status, without running anything of it."""

from __future__ import annotations

import json

import pytest

PROGRAM = """
import os, socket, sys, threading
import json as codec
class Conn:
    def __init__(self):
        self.conn = socket.socket()
        self.label = "a"
class Trap:
    def __reduce__(self):
        return exploded, ()
    def __setstate__(self, state):
        open("ran", "w").close()
    __eq__ = __hash__ = __bool__ = __len__ = __repr__ = lambda *_: 1 / 0
def exploded():
    open("ran", "w").close()
trap = Trap()
out = open("out.txt", "w")
def worker(pool, k):
    sock = socket.socket()
    lock = threading.Lock()
    def inner(y):
        if y == 3:
            os.kill(os.getpid(), 10)
        return k + y
    total = 0
    for i in range(9):
        total += inner(i)
        out.write(f"{i}\\n")
    return total, sock
total, lost = worker([1, 2, 3, {"c": Conn()}], 2)
print(total, repr(lost))
try:
    lost.send(b"")
except Exception as error:
    print(type(error).__name__, "was lost" in str(error))
"""


@pytest.fixture
def version(dart, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(PROGRAM)
    store = f"--dart-store={tmp_path / 'store'}"
    said = dart("run", store, script, DART_TEST_LOSS_SECONDS="-1")
    assert said.code == 85, said
    return store


def rows_of(shown, prefix):
    [scope] = [one for one in shown["scopes"] if one["prefix"] == prefix]
    return {row["name"]: row for row in scope["variables"]}


def test_every_variable_has_its_status_and_the_lost_their_path(dart, version, tmp_path):
    shown = json.loads(dart("inspect", version, "--json").out)
    assert (shown["schema"], shown["version"], shown["cause"]) == (1, 1, "signal")
    prefixes = [one["prefix"] for one in shown["scopes"] if one["kind"] == "frame"]
    assert prefixes == ["worker.inner", "worker", "<module>"]
    worker, main = rows_of(shown, "worker"), rows_of(shown, "__main__")
    assert worker["sock"]["status"] == "lost"
    assert "socket" in worker["sock"]["why"]
    assert worker["lock"]["status"] == main["out"]["status"] == "re-created"
    assert worker["total"]["status"] == main["trap"]["status"] == main["Conn"]["status"] == "stored"
    assert main["codec"]["status"] == main["sys"]["status"] == "by reference"
    assert worker["pool"]["lost_below"] == ["worker.pool[3]['c'].conn"]
    assert {row["path"] for row in shown["ledger"]} == {"worker.pool[3]['c'].conn", "worker.sock"}
    assert shown["outside"]["cwd"] == str(tmp_path)
    assert any(path.endswith("out.txt") for path in shown["outside"]["files"])
    assert not (tmp_path / "ran").exists()


def test_the_text_names_place_frames_variables_and_what_is_lost(dart, version):
    said = dart("inspect", version)
    assert said.code == 0
    for part in (
        "job.py:24, worker.<locals>.inner", "frame ", "module __main__", "lost: 2",
        "worker.pool[3]['c'].conn  socket.socket: ", "stored, but for worker.pool[3]['c'].conn",
    ):  # fmt: skip
        assert part in said.out, (part, said.out)
    assert "by reference" not in said.out
    assert "by reference" in dart("inspect", version, "--all").out


def test_a_version_is_named_as_everywhere(dart, version):
    run = json.loads(dart("inspect", version, "--json").out)["run"]
    assert json.loads(dart("inspect", version, "--json", f"{run}@1").out)["version"] == 1
    assert dart("inspect", version, run).code == 0
    dart("inspect", version, f"{run}@7").refuses(4, "version 7")
    dart("inspect", version, "424242@1").refuses(3, "424242")
    dart("inspect", version, f"{run}@x").refuses(4, "@x")


def test_what_is_lost_stays_known_and_raises_after_a_second_resume(dart, version):
    again = dart("resume", version, "--here", DART_TEST_STOP_AT="3", DART_TEST_LOSS_SECONDS="-1")
    assert again.code == 85
    shown = json.loads(dart("inspect", version, "--json").out)
    row = rows_of(shown, "worker")["sock"]
    assert (shown["version"], row["status"], row["type"]) == (2, "lost", "socket.socket")
    said = dart("resume", version, "--here")
    assert said.code == 0, said
    assert said.out.startswith("54 <lost worker.sock, a socket.socket: "), said
    assert said.out.endswith("UncapturableError True\n")


def test_threads_get_their_turn_again_after_a_resume(dart, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import os, sys\nfor i in range(5):\n    if i == 2:\n        os.kill(os.getpid(), 10)\n"
        "    last = sys.getswitchinterval()\nprint(last)\n"
    )
    store = f"--dart-store={tmp_path / 'store'}"
    assert dart("run", store, script).code == 85
    assert dart("resume", store, "--here").out == "0.005\n"


@pytest.mark.parametrize("depth", [0, 3, 150])
def test_the_frames_of_a_version_are_those_that_stood_on_the_stack(dart, tmp_path, depth):
    script = tmp_path / "job.py"
    stop = "    os.kill(os.getpid(), 10)\n    for _ in range(20_000):\n        bottom += 1\n"
    script.write_text(
        "import os\n"
        "def down(n):\n    if n:\n        below = down(n - 1)\n        return below + n\n"
        f"    bottom = 0\n{stop}{stop}    return bottom\n"
        f"total = down({depth})\nprint(total)\n"
    )
    store = f"--dart-store={tmp_path / 'store'}"
    seen = []
    for command in (("run", store, script), ("resume", store, "--here")):
        assert dart(*command).code == 85
        scopes = json.loads(dart("inspect", store, "--json").out)["scopes"]
        seen.append([one for one in scopes if one["kind"] == "frame"])
    for frames in seen:
        assert [one["prefix"] for one in frames] == ["down"] * (depth + 1) + ["<module>"]
    assert seen[0][0]["title"] != seen[1][0]["title"]
    assert seen[0][1:] == seen[1][1:]
    assert dart("resume", store, "--here").out == f"{40_000 + depth * (depth + 1) // 2}\n"
