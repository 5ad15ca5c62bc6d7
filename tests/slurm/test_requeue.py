"""A job does not come back for ever, and comes back once an attempt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dartslurm.slurm.jobs import Attempt, Seat
from dartslurm.slurm.requeue import Limits, refuse


def attempts(*progress):
    return [
        Attempt(number, "1", "n1", 0.0, progress=each) for number, each in enumerate(progress, 1)
    ]


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ((1,), None),
        ((1, 2, 3), None),
        ((1, 1), None),
        ((1, 1, 1), "no progress in 2 attempts"),
        ((0, 0), "no progress in 2 attempts"),
        ((1, 1, 2, 2), None),
        ((None, None, None), None),
        ((1, None, 1), None),
    ],
)
def test_two_attempts_without_progress_are_enough(progress, said):
    found = refuse(attempts(*progress), Limits(20, 2))
    assert (found is None) if said is None else found.startswith(said)


def test_the_number_of_attempts_is_capped():
    assert "3 attempts are used up" in refuse(attempts(1, 2, 3), Limits(3, 2))


def test_one_caller_leaves_an_attempt(tmp_path):
    seat = Seat(str(tmp_path / "job"))
    seat.prepare()
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: seat.claim_leaving(1, "time limit"), range(8)))
    assert sum(won) == 1


def test_two_supervisors_never_get_the_same_attempt(tmp_path):
    seat = Seat(str(tmp_path / "job"))
    seat.prepare()
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: seat.begin_attempt("1", "n1", 0).number, range(8)))
    assert sorted(begun) == list(range(1, 9))


def test_the_caps_begin_anew_when_the_user_brings_a_job_back(tmp_path):
    seat = Seat(str(tmp_path / "job"))
    seat.prepare()
    for _ in range(3):
        seat.begin_attempt("1", "n1", 0)
    seat.finish(1)
    seat.resume()
    assert seat.finished() is None
    assert seat.attempts()[seat.resumed_after() :] == []
