"""Nothing in the repository belongs to one machine, and the history reads as a list of subjects."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from sources import ROOT, tracked_files

TEXT_LIMIT_BYTES = 2_000_000
LONGEST_SUBJECT = 100


def texts():
    for path in tracked_files():
        content = path.read_bytes()
        if len(content) < TEXT_LIMIT_BYTES and b"\0" not in content:
            yield path.relative_to(ROOT), content.decode(errors="replace")


def machine_paths():
    """The checkout's own place, and homes of this machine's user."""
    places = [str(ROOT), f"{Path.home()}/."]
    return [place for place in places if len(place) > len("/tmp")]


def test_no_file_names_a_place_of_this_machine():
    found = [
        f"{path}: {place}" for path, text in texts() for place in machine_paths() if place in text
    ]
    assert not found


def test_no_file_names_a_package_index():
    option = re.compile(r"--(extra-)?index" + r"-url|://[\w.-]+/simple\b")
    assert not [str(path) for path, text in texts() if option.search(text)]


def test_text_files_end_with_a_newline_and_have_no_tabs_in_python():
    bad = []
    for path, text in texts():
        made_by_tests = path.parts[:2] == ("tests", "corpus") or "compat" in str(path)
        if path.suffix in (".py", ".md", ".toml") and not made_by_tests:
            if text and not text.endswith("\n"):
                bad.append(f"{path}: no newline at the end")
            if path.suffix == ".py" and re.search(r"^\t", text, re.MULTILINE):
                bad.append(f"{path}: tab")
    assert not bad


def test_commit_subjects_are_short():
    command = ["git", "log", "--format=%h %s"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this checkout has no git history")
    hash_length = len(done.stdout.split(" ", 1)[0]) + 1
    assert not [s for s in done.stdout.splitlines() if len(s) - hash_length > LONGEST_SUBJECT]
