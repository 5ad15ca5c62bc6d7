"""Under a quota old versions go and new ones are kept; without one nothing ever goes."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from dartslurm import disk
from dartslurm.errors import StoreError, UsageError
from dartslurm.launch.options import size, size_and_count
from dartslurm.store.prune import usage_of
from dartslurm.store.verify import verify_run

SIZE = 360_000


def publish(writer, stage, number):
    noise = np.random.default_rng(number).standard_normal(SIZE // 8)
    version = writer.publish(stage({"state": b"%d" % number}, [("x", noise)], writer))
    assert version.number == number


def check_whole(run, expected_newest):
    assert verify_run(run, lambda *_: None).damages == []
    assert run.reader().stream("state") == b"%d" % expected_newest


@pytest.mark.parametrize("quota", [(10 * SIZE, None), (None, 24)])
def test_a_run_keeps_to_its_quota_and_to_its_newest_versions(run, stage, quota):
    writer = run.open_writer(attempt=1, quota=quota)
    for number in range(1, 41):
        publish(writer, stage, number)
        used_bytes, used_files = usage_of(run.path)
        assert used_bytes <= (quota[0] or used_bytes) and used_files <= (quota[1] or used_files)
        numbers = [version.number for version in run.versions()]
        assert numbers[-2:] == [number - 1, number][-len(numbers) :]
    assert len(numbers) >= 5
    assert min(numbers) < 35  # thinned out, not cut off
    check_whole(run, 40)


def test_without_a_quota_nothing_goes(run, stage, writer):
    for number in range(1, 13):
        publish(writer, stage, number)
    assert len(run.versions()) == 12


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_old_versions_and_not_the_new_one(run, stage, monkeypatch, error):
    limit = 8 * SIZE
    real = disk._writev

    def full(fd, views):
        if usage_of(run.path)[0] > limit:
            raise OSError(error, "full")
        return real(fd, views)

    writer = run.open_writer(attempt=1, quota=(1 << 40, None))
    plain = run.open_writer(attempt=2)
    heir = run.open_writer(attempt=3, quota=(1 << 40, None))
    assert writer.epoch < plain.epoch < heir.epoch
    for number in range(1, 8):
        publish(heir, stage, number)
    monkeypatch.setattr(disk, "_writev", full)
    for number in range(8, 20):
        publish(heir, stage, number)
    check_whole(run, 19)


def test_a_full_disk_without_a_quota_removes_nothing(run, stage, writer, monkeypatch):
    for number in range(1, 5):
        publish(writer, stage, number)

    def full(fd, views):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(disk, "_writev", full)
    with pytest.raises(StoreError):
        publish(writer, stage, 5)
    monkeypatch.undo()
    assert [version.number for version in run.versions()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("20G", (20 << 30, None)),
        ("1000", (1000, None)),
        ("5M,300", (5 << 20, 300)),
        (",300", (None, 300)),
        ("", None),
        (None, None),
    ],
)
def test_a_quota_is_written_as_bytes_and_files(text, quota):
    assert size_and_count(text) == quota


@pytest.mark.parametrize("text", ["20X", "-1", ",", "1,2,3", "G"])
def test_another_text_is_no_quota(text):
    with pytest.raises(UsageError):
        size_and_count(text)


def test_a_size_is_a_number_with_its_unit():
    assert [size(text) for text in ("512M", "1000", "4G", "", None)] == [
        512 << 20, 1000, 4 << 30, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["4X", "-1", "1,2", "G", "1.5G"])
def test_another_text_is_no_size(text):
    with pytest.raises(UsageError, match="--dart-memory="):
        size(text)
