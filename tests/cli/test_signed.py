"""With a key the user's own runs go on, and what others made does not."""

from __future__ import annotations

import json

import pytest

SCRIPT = """
with open("notes", "w") as file:
    file.write("begun")
for step in range(8):
    print(step)
with open("notes", "a") as file:
    file.write(" and ended")
"""


@pytest.fixture
def keys(tmp_path):
    """Two keys of the user's."""
    paths = [tmp_path / name for name in ("mine", "other")]
    for path in paths:
        path.write_text(path.name * 10)
        path.chmod(0o600)
    return paths


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "job.py"
    path.write_text(SCRIPT)
    return path


def stop(dart, script, key):
    said = dart("run", "--dart-store=s", script, DART_TEST_STOP_AT="9", DART_KEY_FILE=str(key))
    assert said.code == 85, said


def test_a_signed_run_goes_on_with_its_key_alone(dart, script, keys, tmp_path):
    mine, other = map(str, keys)
    stop(dart, script, mine)
    (run,) = (tmp_path / "s" / "runs").glob("r-*")
    dart("resume", "--dart-store=s", "--here", run.name, DART_KEY_FILE=other).refuses(9, "your key")
    dart("verify", "--dart-store=s", run.name, DART_KEY_FILE=other).refuses(9, "your key")
    assert dart("verify", "--dart-store=s", DART_KEY_FILE=other).code == 9
    assert dart("verify", "--dart-store=s", DART_KEY_FILE=mine).code == 0
    said = dart("resume", "--dart-store=s", "--here", run.name, DART_KEY_FILE=mine)
    assert (said.code, said.out[-2:]) == (0, "7\n")
    assert (tmp_path / "notes").read_text() == "begun and ended"


def test_an_unsigned_run_is_refused_with_a_key(dart, script, keys, tmp_path):
    stop(dart, script, "")
    (run,) = (tmp_path / "s" / "runs").glob("r-*")
    key = str(keys[0])
    dart("resume", "--dart-store=s", "--here", run.name, DART_KEY_FILE=key).refuses(9, "not signed")
    dart("verify", "--dart-store=s", run.name, DART_KEY_FILE=key).refuses(9, "not signed")
    assert dart("resume", "--dart-store=s", "--here", DART_KEY_FILE="").code == 0


@pytest.mark.parametrize("has_key", [True, False])
def test_a_line_in_the_undo_log_that_is_not_signed_undoes_nothing(
    dart, script, keys, tmp_path, has_key
):
    key = str(keys[0]) if has_key else ""
    stop(dart, script, key)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (log,) = (tmp_path / "s").glob("runs/r-*/undo/log")
    line = json.dumps({"path": str(victim), "was": "absent"})
    log.write_text(f"{log.read_text()}{line}\n{line}\t{'0' * 64}\n")
    said = dart("resume", "--dart-store=s", "--here", DART_KEY_FILE=key)
    assert said.code == 0, said
    assert victim.exists() == has_key
    assert (tmp_path / "notes").read_text() == "begun and ended"


def test_a_key_that_is_missing_or_open_stops_before_the_program(dart, script, keys, tmp_path):
    dart("run", "--dart-store=s", script, DART_KEY_FILE="nowhere").refuses(2, "nowhere")
    keys[0].chmod(0o644)
    dart("run", "--dart-store=s", script, DART_KEY_FILE=str(keys[0])).refuses(9, "chmod 600")
    assert not (tmp_path / "notes").exists()
