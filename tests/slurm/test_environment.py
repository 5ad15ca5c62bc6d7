"""Times are read as Slurm writes them, and a short job still computes."""

from __future__ import annotations

import pytest

from dartslurm.slurm.environment import Clock, lead_seconds, parse_limit, view


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 60),
        ("1:30", 90),
        ("2:00:00", 7200),
        ("1-0", 86400),
        ("1-2:30", 95400),
        ("1-02:03:04", 93784),
        ("UNLIMITED", None),
        ("0", None),
        ("soon", None),
    ],
)
def test_time_limits_are_read_in_every_form(text, seconds):
    assert parse_limit(text) == seconds


@pytest.mark.parametrize(
    ("limit", "asked", "lead"),
    [
        (60.0, None, 21.0),
        (600.0, None, 120.0),
        (36000.0, None, 120.0),
        (None, None, 120.0),
        (10.0, None, 8.0),
        (600.0, 300.0, 300.0),
        (60.0, 300.0, 21.0),
    ],
)
def test_the_lead_never_eats_a_short_job(limit, asked, lead):
    assert lead_seconds(limit, asked) == lead


def test_slurms_early_word_of_the_limit_is_told_from_a_notice():
    clock = Clock(end_utc=1000.0, lead_seconds=100.0)
    assert not clock.expects_warning(800.0)
    assert clock.expects_warning(850.0)
    assert not clock.expects_warning(950.0)
    assert clock.due(900.0)
    assert not clock.due(899.0)


def test_programs_get_no_longer_than_shortly_before_the_end():
    clock = Clock(end_utc=1000.0, lead_seconds=100.0)
    assert clock.give_up_utc(900.0) == 990.0
    assert clock.give_up_utc(100.0) == 190.0
    assert clock.give_up_utc(1005.0) == 1007.0
    assert Clock(None, 120.0).give_up_utc(0.0) == 110.0


def test_a_job_without_a_limit_is_never_due():
    assert not Clock(None, 120.0).due(1e12)


def test_an_array_task_is_shown_as_users_write_it():
    given = {"SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "10", "SLURM_ARRAY_TASK_ID": "2"}
    assert view(given).shown_id == "10_2"
    assert view({"SLURM_JOB_ID": "12"}).restart_count == 0
    assert view({}) is None
