"""A power cut at any call of a copy: what is visible there is whole, and copying again ends it."""

from __future__ import annotations

import numpy as np
import pytest

from dartslurm.errors import DartError
from dartslurm.store.copy import copy_run
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.repository import Repository

RUN = "r-00c0ffee"
NOISE = np.random.default_rng(7)
LARGE = NOISE.integers(0, 1 << 60, (2, 20_000))  # 320 kB: needs a pack
SMALL = NOISE.standard_normal(50)
NUMBERS = [2, 3, 4]


class KilledError(Exception):
    """The copy ends here, as if its process had been killed."""


def content_of(number):
    """Streams and arrays; the first version is small, so its file holds chunks of the others."""
    large = [("f/X", LARGE + number // 3)] if number > 1 else []
    return {"state": b"state %d" % number}, [("f/y", SMALL), *large]


def quiet(done, total):
    """Nobody looks."""


def publish(run, writer, stage, number):
    streams, leaves = content_of(number)
    assert writer.publish(stage(streams, leaves, writer)).number == number


def place(root, name):
    return f"{root}/{name}/store"


def live(root, stage, record, marks):
    """Four versions, of which the first is pruned; a copy that is killed, and one to the end."""
    run = Repository.open(place(root, "here"), create=True).create_run(record(RUN))
    writer = run.open_writer(attempt=1)
    for number in (1, *NUMBERS):
        publish(run, writer, stage, number)
    writer.close()
    keep = Keep(last=len(NUMBERS))
    carry_out(plan_prune(run.path, keep), keep)
    begun = len(marks.ops)
    there = Repository.open(place(root, "there"), create=True)

    def kill(done, total):
        raise KilledError

    with pytest.raises(KilledError):
        copy_run(run, there, kill)
    assert copy_run(run, there, quiet).versions == NUMBERS[1:]
    marks.mark(("copied", 1))
    return begun


def violations(root, marks, stage, model):
    """What a fresh process finds wrong with the copy, and with the source."""
    source = Repository.open(place(root, "here")).run(RUN)
    found = model.torn(source, NUMBERS, content_of)
    try:
        run = Repository.open(place(root, "there")).run(RUN)
        visible = [version.number for version in run.versions()]
        found += [f"{number} is damaged: {why}" for number, why in run.damaged().items()]
        found += model.torn(run, visible, content_of)
    except DartError as error:
        visible = []
        found += [f"copy lost: {error}"] if marks else []
    if marks and visible != NUMBERS:
        found.append(f"of the copy {visible} is visible")
    if found:
        return found
    try:
        there = Repository.open(place(root, "there"), create=True)
        copy_run(source, there, quiet)
        run = there.run(RUN)
        publish(run, run.open_writer(attempt=2), stage, 5)
    except DartError as error:
        return [f"copying again fails: {error}"]
    return model.torn(run, [*NUMBERS, 5], content_of)


def test_no_crash_while_copying_shows_what_is_not_whole(explore):
    found, count, _ = explore(rounds=2)
    assert found == []
    assert count > 60


MUTANTS = {
    "packs are not synced": lambda path: "/there/" in path and "/packs/" in path,
    "folder of packs is not synced": lambda path: "/there/" in path and path.endswith("/packs"),
    "version files are not synced": lambda path: "/there/" in path and "/versions/" in path,
    "folder of versions is not synced": lambda path: (
        "/there/" in path and path.endswith("/versions")
    ),
    "run record is not synced": lambda path: "/there/" in path and "/run.json" in path,
    "folder of the run is not synced": lambda path: "/there/" in path and path.endswith(f"/{RUN}"),
    "folder of runs is not synced": lambda path: "/there/" in path and path.endswith("/runs"),
    "what was pruned is not synced": lambda path: "/there/" in path and "/pruned.json" in path,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_sync_while_copying_would_be_noticed(explore, name):
    found, _, recorder = explore(rounds=4, skip_sync=MUTANTS[name], stop_at_first=True)
    assert recorder.skipped > 0
    assert found
