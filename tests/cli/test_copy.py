"""A run that was copied to another store goes on there, and ends as it would have."""

from __future__ import annotations


def test_a_run_is_copied_and_resumed_in_the_other_store(dart, stopped, tmp_path):
    run_id = stopped.run.record.run_id
    told = dart("copy", stopped.option, run_id, tmp_path / "other")
    assert (told.code, told.err) == (0, "")
    there = f"--dart-store={tmp_path / 'other'}"
    went_on = dart("resume", there, "--here", run_id)
    assert went_on.code == 0, went_on
    assert went_on.out == dart("resume", stopped.option, "--here", run_id).out
    assert went_on.out.endswith("end 435\n")
    assert dart("verify", there).code == 0
