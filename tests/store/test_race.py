"""Two writers of one run: the newer goes on, the older stops, nothing acknowledged is lost."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from dartslurm.errors import ConflictError
from dartslurm.store import publish

LARGE = np.random.default_rng(5).standard_normal((300, 150))


def test_an_older_writer_is_told_and_ends_without_harm(run, stage):
    old = run.open_writer(attempt=1)
    old.publish(stage({"state": b"1"}, [], old))
    new = run.open_writer(attempt=2)
    with pytest.raises(ConflictError) as told:
        old.publish(stage({"state": b"stale"}, [], old))
    assert told.value.exit_code == 5
    assert "attempt 2" in str(told.value)
    assert new.publish(stage({"state": b"2"}, [], new)).number == 2
    with pytest.raises(ConflictError):
        old.publish(stage({"state": b"stale"}, [], old))
    assert run.reader().stream("state") == b"2"


def test_a_stale_view_of_the_claims_cannot_break_the_fence(run, stage, monkeypatch):
    """Even if a cached folder hides the newer claim, ``link`` meets the newer version."""
    old = run.open_writer(attempt=1)
    old.publish(stage({"state": b"1"}, [], old))
    new = run.open_writer(attempt=2)
    monkeypatch.setattr(publish, "refuse_if_fenced", lambda *_: None)
    slipped = old.publish(stage({"state": b"slipped in"}, [], old))
    assert run.reader().stream("state") == b"slipped in"
    mine = new.publish(stage({"state": b"2"}, [("x", LARGE)], new))
    assert (slipped.number, mine.number, mine.parent) == (2, 3, 1)
    with pytest.raises(ConflictError):
        old.publish(stage({"state": b"too late"}, [("x", -LARGE)], old))
    assert run.reader().stream("state") == b"2"
    assert run.newest().number == 3
    for version in run.versions():
        run.reader(version.number).check()
    assert len(os.listdir(f"{run.path}/packs")) == 1


def test_the_newest_is_of_the_newest_epoch_not_of_the_highest_number(run, stage, monkeypatch):
    old = run.open_writer(attempt=1)
    new = run.open_writer(attempt=2)
    new.publish(stage({"state": b"2"}, [], new))
    monkeypatch.setattr(publish, "refuse_if_fenced", lambda *_: None)
    monkeypatch.setattr(type(old), "_refuse_newer", lambda *_: None)  # a writer without a fence
    assert old.publish(stage({"state": b"stale"}, [], old)).number == 2
    assert run.newest().number == 1
    assert run.reader().stream("state") == b"2"


@pytest.mark.parametrize("writers", [2, 4])
def test_racing_writers_lose_nothing_that_was_acknowledged(run, stage, writers):
    acked, conflicts = {}, []
    start = threading.Barrier(writers)

    def work(attempt):
        start.wait()
        writer = run.open_writer(attempt=attempt)
        for step in range(15):
            text = b"%d-%d" % (attempt, step)
            leaves = [("x", LARGE * (attempt * 100 + step))] if step % 4 == 0 else []
            try:
                version = writer.publish(stage({"state": text}, leaves, writer))
            except ConflictError:
                conflicts.append((attempt, writer.epoch))
                return
            acked[version.number] = text

    threads = [threading.Thread(target=work, args=(n + 1,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(v.number for v in run.versions()) == sorted(acked)
    for number, text in acked.items():
        with run.reader(number) as reader:
            reader.check()
            assert reader.stream("state") == text
    assert len(conflicts) <= writers - 1
    assert run.newest().epoch == max(v.epoch for v in run.versions())


def test_epochs_are_given_once(run):
    epochs = []
    threads = [
        threading.Thread(target=lambda n=n: epochs.append(run.open_writer(attempt=n).epoch))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(epochs) == list(range(1, 9))


def test_leavings_of_a_dead_writer_are_swept_after_the_first_commit(run, stage):
    dead = run.open_writer(attempt=1)
    kept = dead.publish(stage({"state": b"1"}, [("x", LARGE)], dead))
    (used,) = os.listdir(f"{run.path}/packs")
    orphan = f"{run.path}/packs/0000000002-0000000001-00000000deadbeef"
    draft = f"{run.path}/versions/.0000000001-00000000deadbeef.tmp"
    for path in (orphan, draft):
        with open(path, "wb") as target:
            target.write(b"half")
    heir = run.open_writer(attempt=2)
    assert os.path.exists(orphan)
    heir.publish(stage({"state": b"2"}, [("x", LARGE)], heir))
    assert os.listdir(f"{run.path}/packs") == [used]
    assert not os.path.exists(draft)
    run.reader(kept.number).check()


@pytest.mark.filterwarnings("ignore:.*multi-threaded")
def test_a_forked_child_cannot_publish_nor_release(run, stage):
    writer = run.open_writer(attempt=1)
    staged = stage({"state": b"child"}, [], writer)
    child = os.fork()
    if child == 0:
        try:
            writer.publish(staged)
        except ConflictError:
            writer.close()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert run.holder()["released"] is False
    assert writer.publish(staged).number == 1
