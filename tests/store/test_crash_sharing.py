"""A power cut while a run takes over packs of another: neither run needs the other's names."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dartslurm.errors import DartError
from dartslurm.store import share
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.repository import Repository

DONOR, TAKER = "r-00c0ffee", "r-00decade"
DATA = np.random.default_rng(7).integers(0, 1 << 60, (2, 20_000))  # 320 kB: needs a pack
KEEP = Keep(last=1)


def donated(number):
    return {"state": b"donor %d" % number}, [("f/X", DATA + number // 2)]


def taken(number):
    return {"state": b"taker %d" % number}, [("f/X", DATA)]


def publish(writer, stage, content):
    streams, leaves = content
    return writer.publish(stage(streams, leaves, writer))


def live(root, stage, record, marks):
    """A run with data; another that begins with the same; then the first prunes them away."""
    store = Repository.open(root, create=True)
    donor = store.create_run(record(DONOR))
    writer = donor.open_writer(attempt=1)
    publish(writer, stage, donated(1))
    taker = store.create_run(record(TAKER))
    begun = len(marks.ops)
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(share, "_LEAST_BYTES", 1 << 18)
        other = taker.open_writer(attempt=1)
        publish(other, stage, taken(1))
    (pack,) = os.listdir(f"{taker.path}/packs")
    assert os.stat(f"{taker.path}/packs/{pack}").st_nlink == 2
    marks.mark((TAKER, 1))
    publish(other, stage, taken(2))
    marks.mark((TAKER, 2))
    publish(writer, stage, donated(2))
    publish(writer, stage, donated(3))
    publish(writer, stage, donated(4))
    publish(writer, stage, donated(5))
    marks.mark((DONOR, 5))
    assert carry_out(plan_prune(donor.path, KEEP), KEEP).going
    return begun


def violations(root, marks, stage, model):
    """What a fresh process finds wrong with either run."""
    found = []
    store = Repository.open(root)
    for name, content_of in ((DONOR, donated), (TAKER, taken)):
        try:
            run = store.run(name)
            visible = [version.number for version in run.versions()]
            found += [f"{number} is damaged: {why}" for number, why in run.damaged().items()]
        except DartError as error:
            found.append(f"{name} lost: {error}")
            continue
        found += [f"{mark} lost" for mark in marks if mark[0] == name and mark[1] not in visible]
        found += model.torn(run, visible, content_of)
        if found:
            continue
        after = max(visible, default=0) + 1
        writer = run.open_writer(attempt=9)
        publish(writer, stage, content_of(after))
        carry_out(plan_prune(run.path, KEEP), KEEP)
        found += model.torn(run, [after], content_of)
    return found


def test_no_crash_while_sharing_takes_a_pack_from_either_run(explore):
    found, count, _ = explore(rounds=2)
    assert found == []
    assert count > 60


MUTANTS = {
    "names of shared packs are not synced": lambda path: path.endswith(f"/{TAKER}/packs"),
    "version files are not synced": lambda path: f"/{TAKER}/versions/" in path,
    "folder of versions is not synced": lambda path: path.endswith(f"/{TAKER}/versions"),
    "record of what was pruned is not synced": lambda path: f"/{DONOR}/pruned.json" in path,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_sync_while_sharing_would_be_noticed(explore, name):
    found, _, recorder = explore(rounds=4, skip_sync=MUTANTS[name], stop_at_first=True)
    assert recorder.skipped > 0
    assert found
