"""A power cut at any call, with unsynced bytes and names lost: nothing acknowledged is lost."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dartslurm.errors import DartError
from dartslurm.store.repository import Repository

RUN = "r-00c0ffee"
NOISE = np.random.default_rng(7)
LARGE = NOISE.standard_normal((300, 150))  # 360 kB: needs a pack
SMALL = NOISE.standard_normal((20, 10))


def content_of(number):
    large = LARGE.copy()
    if number >= 4:
        large[:] = -large
    return {"state": b"state %d" % number}, [("f/X", large), ("f/y", SMALL + number)]


def live(root, stage, record, marks):
    """One store's life: two attempts, packs and small commits, and the end."""
    run = Repository.open(root, create=True).create_run(record(RUN))
    marks.mark(("run", 0))
    for attempt, numbers in ((1, (1, 2, 3)), (2, (4, 5))):
        writer = run.open_writer(attempt=attempt)
        for number in numbers:
            streams, leaves = content_of(number)
            version = writer.publish(stage(streams, leaves, writer))
            assert version.number == number
            marks.mark(("version", number))
        writer.close()
    run.finish(3)
    marks.mark(("finish", 3))


def violations(root, marks, stage, model):
    """What a fresh process finds wrong in a state after a crash."""
    found = []
    acked = [value for kind, value in marks if kind == "version"]
    try:
        run = Repository.open(root).run(RUN)
    except DartError as error:
        return [f"run lost: {error}"] if marks else []
    if not all(os.path.isdir(f"{run.path}/{name}") for name in ("epochs", "versions", "packs")):
        return ["a run without its folders is visible"]
    visible = [int(name) for name in os.listdir(f"{run.path}/versions") if name.isdecimal()]
    found += [f"acknowledged {number} lost" for number in acked if number not in visible]
    found += model.torn(run, visible, content_of)
    if found:
        return found
    if ("finish", 3) in marks and run.record.exit_code != 3:
        found.append("finish lost")
    if visible and run.newest().number != max(visible):
        found.append("newest is not the newest")
    writer = run.open_writer(attempt=9)
    number = max(visible, default=0) + 1
    streams, leaves = content_of(number)
    if writer.publish(stage(streams, leaves, writer)).number != number:
        found.append("next commit got a wrong number")
    for other in [*visible, number]:
        model.check_whole(run, other, content_of(other))
    return found


def test_no_crash_loses_or_tears_an_acknowledged_version(explore):
    found, count, recorder = explore(rounds=12)
    assert found == []
    assert count > 400
    assert sum(op.kind == "sync" for op in recorder.ops) >= 20


MUTANTS = {
    "pack is not synced": lambda path: "/packs/" in path,
    "folder of packs is not synced": lambda path: path.endswith("/packs"),
    "version file is not synced": lambda path: "/versions/" in path,
    "folder of versions is not synced": lambda path: path.endswith("/versions"),
    "run record is not synced": lambda path: path.endswith("/run.json"),
    "folder of the run is not synced": lambda path: "/runs/." in path and path.endswith(".tmp"),
    "folder of runs is not synced": lambda path: path.endswith("/runs"),
    "end mark is not synced": lambda path: "/finished.json" in path,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_sync_would_be_noticed(explore, name):
    found, _, recorder = explore(rounds=12, skip_sync=MUTANTS[name], stop_at_first=True)
    assert recorder.skipped > 0
    assert found
