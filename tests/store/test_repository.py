"""Runs and versions: found, listed, shared, refused."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dartslurm.errors import (
    ConflictError,
    CorruptError,
    NotFoundError,
    NoVersionError,
    UntrustedError,
)
from dartslurm.model.parts import StagedLeaf, StagedVersion
from dartslurm.store import publish
from dartslurm.store.repository import Repository, new_run_id

LARGE = np.random.default_rng(1).standard_normal((300, 150))


def files_of(run):
    return {
        os.path.join(folder, name)
        for folder, _, names in os.walk(run.path)
        for name in names
        if name != "index"
    }


def test_a_store_is_made_once_and_found_again(root, record):
    with pytest.raises(NotFoundError):
        Repository.open(root)
    first = Repository.open(root, create=True)
    run = first.create_run(record())
    again = Repository.open(root, create=True)
    assert again.runs() == [run.record.run_id]
    assert again.run(run.record.run_id).record == run.record
    assert again.root == first.root


def test_runs_are_listed_newest_first(repository, record):
    made = [repository.create_run(record()).record.run_id for _ in range(5)]
    assert repository.runs() == made[::-1]


@pytest.mark.parametrize("name", ["r-00000000", "../x", "", ".", "r-0000000g", "/etc", "r-1/../.."])
def test_an_unknown_run_is_not_found(repository, run, name):
    with pytest.raises(NotFoundError) as failure:
        repository.run(name)
    assert failure.value.exit_code == 3


def test_a_run_id_is_given_once(repository, record):
    one = record()
    repository.create_run(one)
    with pytest.raises(ConflictError):
        repository.create_run(one)
    assert repository.runs() == [one.run_id]
    assert new_run_id() != new_run_id()


def test_what_is_published_is_read_back(run, writer, stage):
    arrays = [("f/X", LARGE), ("f/F", np.asfortranarray(LARGE[:, :7])), ("f/e", np.zeros((0, 3)))]
    version = writer.publish(stage({"state": b"pickle", "more": b""}, arrays, writer, ledger=[1]))
    assert (version.number, version.parent, version.epoch, version.attempt) == (1, None, 1, 1)
    assert version.meta["ledger"] == [1]
    with run.reader() as reader:
        assert reader.skipped == {}
        assert reader.version.number == 1
        assert reader.meta == version.meta
        assert reader.stream("state") == b"pickle"
        assert reader.stream("more") == b""
        assert reader.leaf_count() == 3
        leaf = reader.leaf(0)
        assert np.frombuffer(leaf).reshape(LARGE.shape).tolist() == LARGE.tolist()
        leaf[0] ^= 1  # writable
        fortran = np.frombuffer(reader.leaf(1)).reshape(arrays[1][1].shape, order="F")
        assert (fortran == arrays[1][1]).all()
        assert reader.leaf(2) == b""
        with pytest.raises(NoVersionError):
            reader.stream("other")


def test_reading_versions_leaves_no_open_files_behind(run, repository, writer, stage):
    for number in range(3):
        writer.publish(stage({"state": b"%d" % number}, [("f/X", LARGE + number)], writer))
    counts = []
    for number in (1, 2, 3, 9) * 3:
        with (
            contextlib.suppress(NoVersionError),
            repository.run(run.record.run_id).reader(number) as reader,
        ):
            reader.leaf(0)
        counts.append(len(os.listdir("/proc/self/fd")))
    assert len(set(counts[1:])) == 1, counts


def test_what_is_read_ahead_is_read_once_and_is_the_same(run, writer, stage):
    leaves = [("f/X", LARGE), ("f/e", np.zeros(0)), ("f/again", LARGE), ("f/n", LARGE[:5] + 1)]
    writer.publish(stage({"state": b"pickle", "part/0": b"p" * 99999}, leaves, writer))
    with run.reader(ahead=True) as ahead, run.reader() as plain:
        for path in os.listdir(f"{run.path}/packs"):
            os.truncate(f"{run.path}/packs/{path}", 0)
        for index in range(4):
            assert ahead.leaf(index) == (leaves[index][1]).tobytes()
        assert (ahead.stream("state"), ahead.stream("part/0")) == (b"pickle", b"p" * 99999)
        with pytest.raises(CorruptError):
            plain.leaf(0)
        with pytest.raises(CorruptError):
            ahead.leaf(0)  # given away; it is read again


def test_versions_are_listed_oldest_first_with_their_costs(run, writer, stage):
    for step in range(3):
        writer.publish(stage({"state": b"%d" % step}, [("x", LARGE)], writer))
    listed = run.versions()
    assert [v.number for v in listed] == [1, 2, 3]
    assert [v.parent for v in listed] == [None, 1, 2]
    assert listed[0].bytes_new > LARGE.nbytes
    assert listed[2].bytes_new == 1
    assert listed[2].bytes_total == LARGE.nbytes + 1
    assert all(v.commit_seconds > 0 and v.pause_seconds == 0.5 for v in listed)
    assert run.newest().number == 3
    assert run.version(2).number == 2


def test_a_version_that_does_not_exist_is_said_so(run):
    assert run.newest() is None
    for ask in (run.reader, lambda: run.version(1), lambda: run.reader(5)):
        with pytest.raises(NoVersionError) as failure:
            ask()
        assert failure.value.exit_code == 4


def test_a_commit_makes_at_most_two_files_and_a_small_one_makes_one(run, writer, stage):
    counts = []
    for array in (LARGE, LARGE, LARGE + 1):
        before = files_of(run)
        writer.publish(stage({"state": b"s"}, [("x", array)], writer))
        counts.append(len(files_of(run) - before))
    assert counts == [2, 1, 2]


def test_equal_chunks_are_stored_once(run, writer, stage):
    first = writer.publish(stage({"state": b"a"}, [("x", LARGE), ("copy", LARGE)], writer))
    assert first.bytes_new == LARGE.nbytes + 1
    assert first.bytes_total == 2 * LARGE.nbytes + 1
    writer.publish(stage({"state": b"b"}, [], writer))
    back = writer.publish(stage({"state": b"a"}, [("y", LARGE)], writer))
    assert back.bytes_new == 0
    other = run.open_writer(attempt=2)
    staged = stage({"state": b"a"}, [("y", LARGE)])  # all bytes given, though all are known
    assert other.publish(staged).bytes_new == 0
    assert len(os.listdir(f"{run.path}/packs")) == 1


def test_bytes_written_stay_near_the_bytes_that_changed(run, writer, stage):
    big = np.random.default_rng(2).integers(0, 1 << 62, (4, 1 << 20))
    writer.publish(stage({"state": b"a"}, [("x", big)], writer))
    before = {path: os.path.getsize(path) for path in files_of(run)}
    big[1, 10] += 1
    version = writer.publish(stage({"state": b"a"}, [("x", big)], writer))
    written = sum(os.path.getsize(path) for path in files_of(run) - set(before))
    assert version.bytes_new == 256 << 10
    assert written <= 1.1 * version.bytes_new


def test_compressible_data_is_compressed_and_noise_is_left_alone(run, writer, stage):
    labels = np.random.default_rng(4).integers(0, 5, 200_000)
    noise = np.random.default_rng(5).standard_normal(100_000)
    writer.publish(stage({"state": b"text " * 99999}, [("y", labels), ("z", noise)], writer))
    manifest = run.reader(1).manifest
    stream, leaf, plain = (
        [row.codec for row in manifest.rows[part.first : part.first + part.count]]
        for part in (*manifest.streams, *manifest.leaves)
    )
    assert all(stream) and all(leaf) and not any(plain)
    assert manifest.summary.bytes_stored < manifest.summary.bytes_new
    with run.reader() as reader:
        assert reader.leaf(0) == labels.tobytes()
        assert reader.stream("state") == b"text " * 99999


def test_a_version_may_have_several_children(run, writer, stage):
    writer.publish(stage({"state": b"1"}, [("x", LARGE)], writer))
    writer.publish(stage({"state": b"2"}, [], writer))
    branch = run.open_writer(attempt=2, parent=1)
    assert branch.known(stage({}, [("x", LARGE)]).leaves[0].chunks[0].digest)
    child = branch.publish(stage({"state": b"other 2"}, [("x", LARGE)], branch))
    assert (child.number, child.parent) == (3, 1)
    assert [v.parent for v in run.versions()] == [None, 1, 1]


@pytest.mark.parametrize("harm", ["lost", "empty", "rotten", "torn", "foreign", "lying"])
def test_the_index_may_be_lost(run, writer, stage, harm):
    for step in range(4):
        writer.publish(stage({"state": b"%d" % step}, [], writer))
    told = run.versions()
    path = f"{run.path}/index"
    with open(path, "rb") as source:
        text = source.read()
    lines = text.split(b"\n")
    changed = {
        "lost": None,
        "empty": b"",
        "rotten": bytes(len(text)),
        "torn": text[: len(text) // 2],
        "foreign": b"\xff\x00\n[1]\tx\n" + text,
        "lying": text + b"\n" + lines[1].replace(b'"number": 1', b'"number": 9') + b"\n",
    }[harm]
    os.remove(path)
    if changed is not None:
        with open(path, "wb") as target:
            target.write(changed)
    # Without the index only the cost of the last steps is not known in full.
    assert [(v.number, v.parent, v.place) for v in run.versions()] == [
        (v.number, v.parent, v.place) for v in told
    ]
    heir = run.open_writer(attempt=2)
    assert heir.publish(stage({"state": b"next"}, [], heir)).number == 5
    with open(path, "rb") as source:
        assert source.read().count(b'"number": 3') == 1


def test_the_holder_is_told(run):
    assert run.holder() is None
    writer = run.open_writer(attempt=3, job={"id": 77})
    holder = run.holder()
    assert (holder["pid"], holder["attempt"], holder["job"]) == (os.getpid(), 3, {"id": 77})
    assert holder["alive"] is True
    writer.close()
    writer.close()
    assert run.holder()["alive"] is False


def test_a_dead_or_foreign_holder_is_told_apart(run, root, monkeypatch):
    program = (
        "import sys; from dartslurm.store.repository import Repository as R;"
        "R.open(sys.argv[1]).run(sys.argv[2]).open_writer(attempt=1)"
    )
    place = os.path.dirname(os.path.dirname(publish.__file__))
    subprocess.run(
        [sys.executable, "-c", program, root, run.record.run_id],
        check=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(place)},
    )
    assert run.holder()["alive"] is False
    from dartslurm.store import epoch

    run.open_writer(attempt=2)
    me = epoch.myself()
    monkeypatch.setattr(epoch, "myself", lambda: {**me, "host": "elsewhere"})
    assert run.holder()["alive"] is None
    monkeypatch.setattr(epoch, "myself", lambda: {**me, "pid_namespace": "pid:[1]"})
    assert run.holder()["alive"] is None
    monkeypatch.setattr(epoch, "myself", lambda: {**me, "boot_id": "after a restart"})
    assert run.holder()["alive"] is False


def test_the_end_is_remembered(repository, run):
    run.finish(0)
    again = repository.run(run.record.run_id)
    assert again.record.exit_code == run.record.exit_code == 0
    assert again.record.finished_utc is not None
    run.finish(3)  # an earlier version was resumed and ended otherwise
    assert repository.run(run.record.run_id).record.exit_code == 3


def test_everything_is_ours_alone(root, record, stage):
    before = os.umask(0)
    try:
        run = Repository.open(root, create=True).create_run(record())
        writer = run.open_writer(attempt=1)
        writer.publish(stage({"state": b"x"}, [("x", LARGE)], writer))
        writer.close()
        run.finish(0)
    finally:
        os.umask(before)
    for folder, _, names in os.walk(root):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600


def test_a_run_that_others_may_write_is_refused(repository, run):
    for bits in (0o770, 0o777, 0o720):
        os.chmod(run.path, bits)
        with pytest.raises(UntrustedError) as failure:
            repository.run(run.record.run_id)
        assert failure.value.exit_code == 9
        assert "chmod" in str(failure.value)
    os.chmod(run.path, 0o700)
    repository.run(run.record.run_id)


def test_a_store_that_everybody_may_write_is_refused(repository, root):
    os.chmod(root, 0o777)
    for create in (False, True):
        with pytest.raises(UntrustedError):
            Repository.open(root, create=create)
    os.chmod(root, 0o1777)
    Repository.open(root)
    os.chmod(f"{root}/runs", 0o770)
    with pytest.raises(UntrustedError):
        Repository.open(root)


def test_a_link_in_place_of_a_run_is_refused(repository, run, tmp_path):
    os.rename(run.path, tmp_path / "moved")
    os.symlink(tmp_path / "moved", run.path)
    with pytest.raises(UntrustedError):
        repository.run(run.record.run_id)


@pytest.mark.parametrize("name", ["run.json", "../../dartslurm-store.json"])
def test_a_damaged_record_is_noticed(repository, root, run, name):
    path = f"{run.path}/{name}"
    with open(path, "rb") as source:
        good = source.read()
    for at in range(0, len(good), 7):
        with open(path, "wb") as target:
            target.write(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        with pytest.raises(CorruptError):
            Repository.open(root).run(run.record.run_id)


def test_records_can_be_read_by_people(run):
    with open(f"{run.path}/run.json", "rb") as source:
        first = source.readline()
    assert json.loads(first)["argv"] == ["train.py", "--epochs", "3"]


def test_known_may_be_asked_while_another_thread_publishes(run, writer, stage):
    done = threading.Event()

    def publish_many():
        for step in range(30):
            writer.publish(stage({"state": b"%d" % step}, [], writer))
        done.set()

    thread = threading.Thread(target=publish_many)
    thread.start()
    while not done.is_set():
        writer.known(bytes(16))
    thread.join()
    assert len(run.versions()) == 30


def test_leaves_of_unforeseen_form_are_kept_all_the_same(run, writer, stage):
    """A grid that does not fit its shape is the shower's problem, not the writer's."""
    odd = stage({}, [("x", LARGE)], writer).leaves[0]
    leaf = StagedLeaf("x", "|V3", (5, 5), (7,), "K", odd.chunks)
    writer.publish(StagedVersion({}, {}, [leaf], 0, 0))
    assert run.reader().leaf(0) == LARGE.tobytes()


def test_the_runtime_imports_little():
    program = (
        "import sys; import dartslurm.store.repository, dartslurm.store.publish,"
        "dartslurm.store.chunks, dartslurm.disk, dartslurm.journal;"
        "heavy = {'numpy', 'zarr', 'numcodecs', 'asyncio', 'subprocess', 'torch', 'rich'};"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    place = os.path.dirname(os.path.dirname(os.path.dirname(publish.__file__)))
    environment = {**os.environ, "PYTHONPATH": place}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_a_purge_goes_by_the_oldest_file_needed(run, writer, stage, monkeypatch):
    from dartslurm.cli import status

    assert run.oldest_change_utc() is None
    for number in (1, 2):
        writer.publish(stage({"state": b"%d" % number}, [("x", LARGE)], writer))
    (pack,) = os.listdir(f"{run.path}/packs")
    os.utime(f"{run.path}/packs/{pack}", (1e9, 1e9))
    assert run.oldest_change_utc() == 1e9
    repository = Repository(os.path.dirname(os.path.dirname(run.path)))
    monkeypatch.setenv("DART_PURGE_DAYS", "30")
    assert status._purge_in(repository, run.record.run_id) == "now"
    os.utime(f"{run.path}/packs/{pack}", (time.time(), time.time() - 10.4 * 86400))
    assert status._purge_in(repository, run.record.run_id) == "20d"
    assert os.stat(f"{run.path}/packs/{pack}").st_mtime < time.time() - 10 * 86400
    monkeypatch.delenv("DART_PURGE_DAYS")
    assert status._purge_in(repository, run.record.run_id) == "-"
