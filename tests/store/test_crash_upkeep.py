"""A power cut at any call of pruning: what stays visible is whole, what was kept is there."""

from __future__ import annotations

import numpy as np
import pytest

from dartslurm.errors import DartError
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.repository import Repository

RUN = "r-00c0ffee"
NOISE = np.random.default_rng(7)
LARGE = NOISE.integers(0, 1 << 60, (5, 40_000))  # rows of 320 kB, so a pack is mostly unused
KEEP = Keep(last=1, every=4)


def content_of(number):
    large = LARGE.copy()
    large[1:] += number
    return {"state": b"state %d" % number}, [("f/X", large), ("f/y", LARGE[0, :50])]


def publish(run, writer, stage, number):
    streams, leaves = content_of(number)
    assert writer.publish(stage(streams, leaves, writer)).number == number


def live(root, stage, record, marks):
    """Five versions, the pruning that keeps the fourth and the fifth, and one more version."""
    run = Repository.open(root, create=True).create_run(record(RUN))
    writer = run.open_writer(attempt=1)
    for number in range(1, 6):
        publish(run, writer, stage, number)
    writer.close()
    marks.mark(("kept", 4))
    marks.mark(("kept", 5))
    begun = len(marks.ops)
    plan = plan_prune(run.path, KEEP)
    assert plan.rewrites and plan.going == [1, 2, 3]
    carry_out(plan, KEEP)
    marks.mark(("gone", 1))
    writer = run.open_writer(attempt=2)
    publish(run, writer, stage, 6)
    marks.mark(("kept", 6))
    return begun


def violations(root, marks, stage, model):
    try:
        run = Repository.open(root).run(RUN)
        visible = [version.number for version in run.versions()]
        found = [f"{number} is damaged: {why}" for number, why in run.damaged().items()]
    except DartError as error:
        return [f"run lost: {error}"]
    found += [f"{n} lost" for kind, n in marks if kind == "kept" and n not in visible]
    found += [f"{n} is back" for kind, n in marks if kind == "gone" and n in visible]
    found += model.torn(run, visible, content_of)
    if found:
        return found
    carry_out(plan_prune(run.path, KEEP), KEEP)
    writer = run.open_writer(attempt=9)
    after = max(visible) + 1
    publish(run, writer, stage, after)
    for number in {4, max(visible), after}:
        model.check_whole(run, number, content_of(number))
    return found


def test_no_crash_while_pruning_loses_or_tears_what_was_kept(explore):
    found, count, _ = explore(rounds=1)
    assert found == []
    assert count > 60


MUTANTS = {
    "record of what was pruned is not synced": lambda path: "/pruned.json" in path,
    "folder of the run is not synced": lambda path: path.endswith(f"/{RUN}"),
    "packs are not synced": lambda path: "/packs/" in path,
    "folder of packs is not synced": lambda path: path.endswith("/packs"),
    "version files are not synced": lambda path: "/versions/" in path,
    "folder of versions is not synced": lambda path: path.endswith("/versions"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_sync_while_pruning_would_be_noticed(explore, name):
    found, _, recorder = explore(rounds=4, skip_sync=MUTANTS[name], stop_at_first=True)
    assert recorder.skipped > 0
    assert found
