"""A small program ended at its N-th safe point, and resumed, leaves what a plain run leaves.

The quick set takes a few points of each program, spread over its whole length, and one chain
(stopped, resumed, stopped again shortly after: frames that run in a continuation are captured).
``PARITY_POINTS`` says how many points (3).
"""

from __future__ import annotations

import itertools
import os
import random
import tempfile
from pathlib import Path

import pytest
from catalogue import program, programs

from dartslurm.drill.trials import every_point, run_stopped_at

SMALL = [one for one in programs() if one.small]
QUICK_POINTS = int(os.environ.get("PARITY_POINTS", "3"))
MOST_POINTS = 256


def _check(trial):
    assert not trial.problems, f"\n{trial}"


@pytest.mark.parametrize("subject", SMALL, ids=lambda one: one.name)
def test_stopped_at_some_safe_points_it_ends_as_a_plain_run(subject, plain_run, tmp_path, seed):
    dice = random.Random(f"{subject.name} {seed}")
    plain, most = plain_run(subject)[0], MOST_POINTS
    taken = 0
    # The number of safe points is not known: a point behind the end halves the range.
    while taken < QUICK_POINTS and most > 1:
        trial = run_stopped_at(subject, plain, tmp_path, [dice.randint(1, most)])
        _check(trial)
        taken += bool(trial.stops)
        most = most if trial.stops else most // 4


@pytest.mark.parametrize("subject", SMALL, ids=lambda one: one.name)
def test_stopped_again_right_after_each_resume_it_ends_as_a_plain_run(
    subject, plain_run, tmp_path, seed
):
    dice = random.Random(f"chain {subject.name} {seed}")
    points = [dice.randint(1, 9) for _ in range(QUICK_POINTS + 1)]
    _check(run_stopped_at(subject, plain_run(subject)[0], tmp_path, points))


@pytest.mark.parametrize("second", range(3, 7))
def test_a_traceback_out_of_rebuilt_frames_keeps_its_columns(
    second, plain_run, fast_bench, tmp_path
):
    subject = program("small/traceback_text.py")
    plain = plain_run(subject)[0]
    _check(run_stopped_at(subject, plain, tmp_path, [25, second], place=fast_bench))


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", [0, 5], ids=["usr1", "kill"])
@pytest.mark.parametrize("subject", SMALL, ids=lambda one: one.name)
def test_ended_at_every_safe_point_it_ends_as_a_plain_run(
    subject, kill_after, plain_run, fast_bench, tmp_path, record_property
):
    plain = plain_run(subject)[0]
    trials = list(every_point(subject, plain, tmp_path, kill_after=kill_after, place=fast_bench))
    record_property("points", len(trials))
    assert trials
    bad = [trial for trial in trials if trial.problems]
    assert not bad, f"{len(bad)} points differ\n" + "\n".join(map(str, itertools.islice(bad, 5)))


def test_files_of_a_program_that_works_in_memory_are_as_they_were(plain_run):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        subject = program("small/files_small.py")
        for point in (2, 9, 25):
            plain = plain_run(subject)[0]
            _check(run_stopped_at(subject, plain, Path(folder), [point], kill_after=5))
