# SPDX-License-Identifier: MIT
"""The interval keeps what versions cost below the share of time that the user allows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dartslurm.model.settings import Settings
from dartslurm.safepoint.gate import Gate
from dartslurm.safepoint.request import Request
from dartslurm.safepoint.rest import Rest
from dartslurm.safepoint.trigger import FIRST_SECONDS, Trigger

if TYPE_CHECKING:
    from pathlib import Path


def trigger_with(percent: float, interval: float | None = None) -> Trigger:
    rest = Rest(lambda _: False, lambda *_: ("", None), dict)
    gate = Gate(lambda *_: None, lambda _: False, lambda _: True, print, rest)
    settings = Settings("store", overhead_percent=percent, interval_seconds=interval)
    return Trigger(gate, settings, lambda: "", lambda: False, lambda: False)


@pytest.mark.parametrize("percent", [0.5, 1.0, 5.0])
def test_pause_and_background_together_stay_within_the_budget(percent: float) -> None:
    trigger = trigger_with(percent)
    for pause, written in ((0.3, 0.4), (0.01, 1.2), (0.5, 0.0)):
        trigger.captured(pause)
        interval = trigger.published(written)
        assert (pause + written) / interval <= percent / 100 * (1 + 1e-9)


def test_a_cheap_version_is_taken_as_often_as_any() -> None:
    trigger = trigger_with(1.0)
    trigger.captured(0.001)
    assert trigger.published(0.001) == FIRST_SECONDS


def test_an_interval_of_the_users_is_kept_whatever_it_costs() -> None:
    trigger = trigger_with(1.0, interval=3.0)
    trigger.captured(9.0)
    assert trigger.published(9.0) == 3.0


@pytest.mark.parametrize("percent", [0.5, 1.0, 5.0])
def test_waiting_for_an_instant_keeps_to_the_budget_in_the_long_run(percent: float) -> None:
    trigger = trigger_with(percent)
    request = Request("interval")
    request.asked -= 3600.0
    assert 0.05 / trigger._pause_before_nudge(request) <= percent / 100 + 1e-9
    assert trigger._pause_before_nudge(Request("signal", exit_code=85)) <= 0.05


def test_the_journal_tells_what_a_version_cost_and_what_interval_follows(
    dart, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import time\nend = time.time() + 3\nwhile time.time() < end:\n    x = 1\n")
    said = dart("run", f"--dart-store={tmp_path / 'store'}", "--dart-interval=0.5", program)
    assert said.code == 0, said
    (journal,) = (tmp_path / "store").glob("runs/*/journal.jsonl")
    lines = [json.loads(line[: line.rindex("}") + 1]) for line in journal.read_text().splitlines()]
    captured = [line for line in lines if "armed_seconds" in line]
    committed = [line for line in lines if "interval_seconds" in line]
    assert captured and all(0 <= line["armed_seconds"] < 2 for line in captured)
    assert committed and all(line["interval_seconds"] == 0.5 for line in committed)
    assert any(line["cost_seconds"] > 0 for line in committed)
    assert all(line["interval_reason"] == "as asked" for line in committed)


def test_an_interval_says_why_it_is_what_it_is() -> None:
    trigger = trigger_with(0.5)
    trigger.captured(0.001)
    trigger.published(0.001)
    assert trigger.reason() == "the least"
    trigger.published(0.25)
    assert trigger.reason() == "a version costs 0.25 s, 0.5 % is allowed"
