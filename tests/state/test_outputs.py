"""What a shell empties before the program goes on is written again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(what, out, *, how="w"):
    """Call functions of the module in a process whose standard output is this file."""
    code = f"import os, sys; from dartslurm.state.outside import outputs\n{what}\nos._exit(0)"
    with out.open(how) as file:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=file, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.txt"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "outputs"


def fill(out, folder, text, *, how="w"):
    call(f"os.write(1, {text!r}); outputs.keep({str(folder)!r})", out, how=how)


def test_an_emptied_file_is_written_again_up_to_its_length_then(out, folder):
    fill(out, folder, b"one\ntwo\nthree\n")
    call(f"outputs.put_back({str(folder)!r}, {{{str(out)!r}: 8}}); os.write(1, b'four\\n')", out)
    assert out.read_text() == "one\ntwo\nfour\n"


def test_what_is_added_later_is_kept_too(out, folder):
    first = f"os.write(1, b'one\\n'); outputs.keep({str(folder)!r})"
    call(f"{first}; os.write(1, b'two\\n'); outputs.keep({str(folder)!r})", out)
    call(f"outputs.put_back({str(folder)!r})", out)
    assert out.read_text() == "one\ntwo\n"


def test_lines_that_the_shell_printed_again_are_there_once(out, folder):
    fill(out, folder, b"head\none\n")
    call(f"os.write(1, b'head\\n'); outputs.put_back({str(folder)!r}); outputs.to_end()", out)
    assert out.read_text() == "head\none\n"


def test_a_file_that_is_appended_to_is_left_alone(out, folder):
    fill(out, folder, b"one\n", how="a")
    assert not folder.exists()
    call(f"assert outputs.put_back({str(folder)!r}) == []; os.write(1, b'two\\n')", out, how="a")
    assert out.read_text() == "one\ntwo\n"


def test_another_file_gets_nothing_of_the_first(out, folder, tmp_path):
    fill(out, folder, b"one\n")
    other = tmp_path / "other.txt"
    call(f"outputs.put_back({str(folder)!r}, {{{str(out)!r}: 4}}); os.write(1, b'two\\n')", other)
    assert other.read_text() == "two\n"


def test_a_file_that_is_whole_is_not_touched(out, folder):
    fill(out, folder, b"one\n")
    call(f"assert outputs.put_back({str(folder)!r}) == []", out, how="r+")
    assert out.read_text() == "one\n"
