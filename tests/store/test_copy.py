"""A run in another store is the same run: whole, verified, brought up to date, resumable."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dartslurm import disk
from dartslurm.cli.copy import main
from dartslurm.errors import ConflictError, StoreError
from dartslurm.store.copy import copy_run
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.repository import Repository
from dartslurm.store.verify import verify_run

FIXED = np.random.default_rng(8).standard_normal((300, 150))


def content(number):
    large = np.random.default_rng(number).standard_normal((300, 150))
    return {"state": b"state %d" % number}, [("f/X", large), ("f/fixed", FIXED), ("f/n", FIXED[0])]


def fill(run, stage, numbers, writer):
    for number in numbers:
        streams, leaves = content(number)
        leaves = leaves if number % 2 else leaves[1:]
        assert writer.publish(stage(streams, leaves, writer)).number == number


def check_whole(run, numbers):
    assert [version.number for version in run.versions()] == list(numbers)
    assert verify_run(run, quiet).damages == []
    for number in numbers:
        with run.reader(number) as reader:
            assert reader.stream("state") == b"state %d" % number
            assert reader.leaf(0) == content(number)[1][0 if number % 2 else 1][1].tobytes()


def quiet(done, total):
    assert 0 <= done <= total


@pytest.fixture
def target(tmp_path):
    return Repository.open(str(tmp_path / "other"), create=True)


def copied(run, target):
    done = copy_run(run, target, quiet)
    return done, target.run(run.record.run_id)


def test_a_copy_is_the_same_run(run, writer, stage, target):
    fill(run, stage, range(1, 6), writer)
    Path(run.path, "journal.jsonl").write_text("{}\n")
    os.mkdir(f"{run.path}/outputs", 0o700)
    Path(run.path, "outputs", "stdout").write_text("kept")
    run.finish(3)
    done, copy = copied(run, target)
    assert (done.versions, done.had) == ([1, 2, 3, 4, 5], 0)
    check_whole(copy, range(1, 6))
    assert (
        copy.record == Repository.open(str(Path(run.path).parents[1])).run(run.record.run_id).record
    )
    assert copy.record.exit_code == 3
    assert Path(copy.path, "outputs", "stdout").read_text() == "kept"
    for folder, _, names in os.walk(copy.path):
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert all(os.stat(f"{folder}/{name}").st_mode & 0o777 == 0o600 for name in names)


def test_only_what_the_other_store_lacks_is_copied(run, writer, stage, target):
    fill(run, stage, range(1, 4), writer)
    first, _ = copied(run, target)
    fill(run, stage, [4], writer)
    second, copy = copied(run, target)
    third, _ = copied(run, target)
    assert (second.versions, second.had, third.versions) == ([4], 3, [])
    assert second.bytes_copied < first.bytes_copied / 4
    assert (third.bytes_copied, third.files) == (0, 0)
    check_whole(copy, range(1, 5))


def test_a_copy_goes_on_with_its_own_epoch(run, writer, stage, target):
    fill(run, stage, range(1, 4), writer)
    writer.close()
    _, copy = copied(run, target)
    heir = copy.open_writer(attempt=2)
    assert heir.epoch == 2
    fill(copy, stage, [4, 5], heir)
    check_whole(copy, range(1, 6))
    assert not os.path.exists(f"{run.path}/versions/0000000004")


def test_two_that_went_their_own_ways_are_not_mixed(run, writer, stage, target):
    fill(run, stage, [1, 2], writer)
    _, copy = copied(run, target)
    fill(copy, stage, [3], copy.open_writer(attempt=2))
    fill(run, stage, [3], writer)
    with pytest.raises(ConflictError):
        copy_run(run, target, quiet)
    check_whole(copy, [1, 2, 3])


def test_a_pruned_run_is_copied_with_what_its_versions_need(run, writer, stage, target):
    fill(run, stage, range(1, 8), writer)
    writer.close()
    carry_out(plan_prune(run.path, Keep(last=2)), Keep(last=2))
    _, copy = copied(run, target)
    check_whole(copy, [6, 7])
    fill(copy, stage, [8], copy.open_writer(attempt=2))
    check_whole(copy, [6, 7, 8])


def test_a_damaged_version_is_left_out_and_the_others_come(
    run, writer, stage, root, target, capsys
):
    fill(run, stage, range(1, 6), writer)
    (pack,) = [p for p in Path(run.path, "packs").iterdir() if p.name.startswith("0000000003")]
    raw = bytearray(pack.read_bytes())
    raw[-1] ^= 1
    pack.write_bytes(raw)
    assert main([run.record.run_id, target.root, f"--dart-store={root}"]) == 8
    out, err = capsys.readouterr()
    assert "version 3 is left out" in err and "4 versions copied" in out
    copy = target.run(run.record.run_id)
    assert [version.number for version in copy.versions()] == [1, 2, 4, 5]
    assert verify_run(copy, quiet).damages == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_copy_that_was_cut_off_anywhere_goes_on(run, writer, stage, tmp_path, faulty, error):
    faulty.armed = False
    fill(run, stage, range(1, 4), writer)
    done = False
    for fail_at in range(1, 600, 3):
        other = Repository.open(str(tmp_path / f"other{fail_at}"), create=True)
        faulty.armed, faulty.count, faulty.fail_at, faulty.error = True, 0, fail_at, error
        try:
            copy_run(run, other, quiet)
        except StoreError:
            pass
        else:
            done = faulty.count < fail_at
        faulty.armed = False
        if os.path.exists(f"{other.root}/runs/{run.record.run_id}/run.json"):
            half = other.run(run.record.run_id)
            assert verify_run(half, quiet).damages == []  # what is visible is whole
        _, copy = copied(run, other)
        check_whole(copy, [1, 2, 3])
        if done:
            break
    assert done


def test_a_lying_disk_is_found_out(run, writer, stage, target, monkeypatch):
    """What the other disk gives back is verified before a version appears there."""
    fill(run, stage, [1], writer)
    real = disk._writev

    def lie(fd, views):
        if len(views[0]) > 100_000:
            harmed = bytearray(views[0])
            harmed[5000] ^= 1
            return real(fd, [memoryview(harmed)])
        return real(fd, views)

    monkeypatch.setattr(disk, "_writev", lie)
    done, copy = copied(run, target)
    assert list(done.damaged) == [1]
    assert copy.versions() == []


@pytest.mark.parametrize(
    ("words", "code"),
    [([], 2), (["{run}"], 2), (["{run}", "{root}"], 2), (["r-99999999", "{other}"], 3)],
)
def test_a_wrong_call_has_its_code_and_one_line(run, root, tmp_path, capsys, words, code):
    places = {"run": run.record.run_id, "root": root, "other": tmp_path / "other"}
    assert main([*(w.format(**places) for w in words), f"--dart-store={root}"]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1
