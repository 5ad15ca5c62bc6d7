"""The machine itself: the corpus is deterministic, and each kind of difference is noticed."""

from __future__ import annotations

import dataclasses

import pytest
from catalogue import programs

from dartslurm.drill.outcome import Outcome, differences, program_lines
from dartslurm.drill.trials import run_plain

PLAIN = Outcome(0, b"1\n2\n", b"", {"a.txt": b"x\n"})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"exit_code": 1}, "exit code"),
        ({"stdout": b"1\n2\n2\n"}, "stdout"),
        ({"stdout": b"1\n2"}, "stdout"),
        ({"stderr": b"Traceback\n"}, "stderr"),
        ({"files": {}}, "missing"),
        ({"files": {"a.txt": b"x\n", "b.txt": b""}}, "not written by the plain run"),
        ({"files": {"a.txt": b"x\nx\n"}}, "file a.txt"),
    ],
)
def test_each_difference_is_named(change, word):
    found = differences(PLAIN, dataclasses.replace(PLAIN, **change))
    assert len(found) == 1
    assert word in found[0]


def test_equal_runs_differ_in_nothing():
    assert differences(PLAIN, dataclasses.replace(PLAIN)) == []


def test_only_the_captures_own_lines_are_left_out():
    said = b"dart: resumed r-1\nTraceback\n dart: not ours\ndart-run: x\n"
    assert program_lines(said) == b"Traceback\n dart: not ours\n"


def test_the_corpus_is_large_enough():
    assert len(programs()) >= 45


@pytest.mark.slow
@pytest.mark.parametrize("subject", programs(), ids=lambda one: one.name)
def test_a_plain_run_repeats_itself(subject, plain_run, tmp_path):
    if subject.family == "torch":
        pytest.importorskip("torch")
    assert differences(plain_run(subject)[0], run_plain(subject, tmp_path)[0]) == []
