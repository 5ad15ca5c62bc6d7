"""``dart-log``: the versions of a run as a table and as JSON; refusals with one line."""

from __future__ import annotations

import json


def test_the_table_has_one_line_a_version_under_a_header(dart, stopped):
    said = dart("log", stopped.option)
    lines = said.out.splitlines()
    header = next(n for n, line in enumerate(lines) if "CAUSE" in line and "PLACE" in line)
    assert said.code == 0
    assert len(lines) - header - 1 >= len(stopped.run.versions())
    assert "count.py:" in said.out


def test_json_is_one_object_with_a_schema(dart, stopped):
    said = dart("log", stopped.option, "--json", stopped.run.record.run_id)
    shown = json.loads(said.out)
    numbers = [one["number"] for one in shown["versions"]]
    assert shown["schema"] == 1
    assert numbers == [one.number for one in stopped.run.versions()]
    for field in ("time_utc", "cause", "place", "bytes_new", "bytes_total", "pause_seconds"):
        assert field in shown["versions"][0]


def test_there_is_no_colour_when_nobody_looks(dart, stopped):
    assert "\x1b" not in dart("log", stopped.option).out


def test_an_unknown_run_is_refused_and_named(dart, stopped):
    dart("log", stopped.option, "r-00000000").refuses(3, "r-00000000")


def test_an_unknown_job_is_refused_and_named(dart, stopped):
    dart("log", stopped.option, "424242").refuses(3, "424242")


def test_no_store_there_is_refused(dart):
    dart("log", "--dart-store=nowhere").refuses(3, "nowhere")


def test_an_unknown_option_is_refused_and_named(dart, stopped):
    dart("log", stopped.option, "--jsno").refuses(2, "--jsno")
