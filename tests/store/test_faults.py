"""A full disk, a quota or a bad sector at any call costs one commit, never a version."""

from __future__ import annotations

import errno
import os
from glob import glob

import numpy as np
import pytest

from dartslurm.errors import StoreError
from dartslurm.store.layout import is_pack

KINDS = {
    errno.ENOSPC: "store-full",
    errno.EDQUOT: "store-quota",
    errno.EIO: "store-io",
}
LARGE = np.random.default_rng(3).standard_normal((300, 150))


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def leavings(run):
    used = {name for v in run.versions() for name in packs_of(run, v.number)}
    packs = [f"{run.path}/packs/{n}" for n in os.listdir(f"{run.path}/packs") if n not in used]
    return packs + glob(f"{run.path}/*/.*.tmp")


def packs_of(run, number):
    return [c for c in run.reader(number).manifest.containers if is_pack(str(c))]


@pytest.mark.parametrize("error", KINDS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_failing_call_costs_one_commit_only(run, writer, stage, faulty, error, size):
    streams = {"state": b"first"}
    writer.publish(stage(streams, [("x", LARGE)], writer))
    rounds = 0
    while True:
        rounds += 1
        before = open_descriptors()
        changed = {"state": b"round %d" % rounds}
        leaves = [("x", LARGE + rounds if size == "large" else LARGE)]
        acked = [v.number for v in run.versions()]
        staged = stage(changed, leaves, writer)
        faulty.calls.clear()
        faulty.count, faulty.fail_at, faulty.error = 0, rounds, error
        try:
            done = writer.publish(staged)
        except StoreError as failure:
            assert failure.kind == KINDS[error]
            assert failure.errno == error
            done = None
        calls, faulty.fail_at = list(faulty.calls), 0
        assert open_descriptors() == before
        assert set(acked) <= {v.number for v in run.versions()}
        for version in run.versions():  # also one that was linked and not acknowledged is whole
            run.reader(version.number).check()
        left = leavings(run)
        if error != errno.EIO and calls[rounds - 1 : rounds] != ["_unlink"]:
            assert left == []
        for path in left:  # what a failing removal leaves is for the next attempt to sweep
            os.unlink(path)
        after = writer.publish(stage(changed, leaves, writer))
        with run.reader(after.number) as reader:
            assert reader.stream("state") == changed["state"]
            assert reader.leaf(0) == leaves[0][1].tobytes()
        if done is not None and len(calls) < rounds:
            break
    assert rounds > 8


def test_a_lost_reply_of_link_is_no_conflict_and_no_loss(run, writer, stage, faulty):
    """NFS: the link was made, the reply was lost, the retry found the name taken."""
    writer.publish(stage({"state": b"a"}, [("x", LARGE)], writer))
    faulty.error, faulty.after = errno.EEXIST, True
    faulty.count, faulty.calls = 0, []
    at = _position_of("_link", run, writer, stage, faulty)
    faulty.count, faulty.fail_at = 0, at
    version = writer.publish(stage({"state": b"b"}, [("x", -LARGE)], writer))
    faulty.fail_at = 0
    assert [v.number for v in run.versions()][-1] == version.number
    run.reader(version.number).check()


def test_a_link_that_worked_but_said_eio_keeps_the_version_whole(run, writer, stage, faulty):
    at = _position_of("_link", run, writer, stage, faulty)
    faulty.count, faulty.fail_at, faulty.error, faulty.after = 0, at, errno.EIO, True
    with pytest.raises(StoreError):
        writer.publish(stage({"state": b"b"}, [("x", LARGE)], writer))
    faulty.fail_at = 0
    for version in run.versions():
        run.reader(version.number).check()
    assert writer.publish(stage({"state": b"c"}, [("x", LARGE)], writer)).number == 3


def _position_of(name, run, writer, stage, faulty):
    """Which call is the first of that name, counted in a commit of the same form."""
    faulty.count, faulty.calls = 0, []
    writer.publish(stage({"state": b"probe"}, [("x", LARGE * 2)], writer))
    return faulty.calls.index(name) + 1


def test_after_a_failed_last_sync_nothing_builds_on_the_doubtful_version(
    run, writer, stage, faulty
):
    first = writer.publish(stage({"state": b"a"}, [], writer))
    at = [i for i, c in enumerate(_calls(writer, stage, faulty)) if c == "_fsync"][-1] + 1
    faulty.count, faulty.fail_at, faulty.error = 0, at, errno.EIO
    with pytest.raises(StoreError):
        writer.publish(stage({"state": b"doubtful"}, [], writer))
    faulty.fail_at = 0
    again = stage({"state": b"doubtful"}, [], writer)
    assert again.streams["state"][0].data is not None
    version = writer.publish(again)
    assert version.number == first.number + 3
    assert version.parent == first.number + 1


def _calls(writer, stage, faulty):
    faulty.count, faulty.calls = 0, []
    writer.publish(stage({"state": b"probe"}, [], writer))
    return list(faulty.calls)


@pytest.mark.parametrize("error", KINDS)
def test_a_failing_call_while_creating_leaves_no_half_run(repository, record, faulty, error):
    for fail_at in range(1, 60):
        faulty.count, faulty.fail_at, faulty.error = 0, fail_at, error
        try:
            repository.create_run(record())
        except StoreError:
            pass
        else:
            if faulty.count < fail_at:
                break
        faulty.fail_at = 0
        for name in repository.runs():
            assert repository.run(name).open_writer(attempt=1).epoch >= 1
    else:
        pytest.fail("creating a run makes more calls than expected")


def test_the_end_is_noted_on_a_full_disk(run, repository, faulty, monkeypatch):
    """The reserve is given up for the last record."""
    from dartslurm import disk

    real = disk._writev

    def full(fd, views):
        if os.path.exists(f"{run.path}/reserve"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, views)

    monkeypatch.setattr(disk, "_writev", full)
    run.finish(7)
    assert repository.run(run.record.run_id).record.exit_code == 7


def test_short_writes_and_reads_are_finished(run, stage, monkeypatch):
    from dartslurm import disk

    real_write, real_read = disk._writev, disk._preadv
    monkeypatch.setattr(disk, "_writev", lambda fd, v: real_write(fd, [v[0][:700]]))
    monkeypatch.setattr(disk, "_preadv", lambda fd, v, at: real_read(fd, [v[0][:900]], at))
    run.open_writer(attempt=1).publish(stage({"state": b"s" * 5000}, [("x", LARGE)]))
    assert run.reader().leaf(0) == LARGE.tobytes()
