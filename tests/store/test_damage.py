"""A flipped bit anywhere is noticed, named, and costs only the versions that hold it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dartslurm.errors import CorruptError
from dartslurm.store.versions import read_manifest

LARGE = np.random.default_rng(1).standard_normal((300, 150))


@pytest.fixture
def packs(run, writer, stage):
    """Version 1 has a pack of its own, version 2 another one; both share half of the chunks."""
    other = LARGE.copy()
    other[:200] += 1
    writer.publish(stage({"state": b"1"}, [("f/X", LARGE)], writer))
    writer.publish(stage({"state": b"2"}, [("f/X", other), ("f/n", LARGE + 7)], writer))
    return [f"{run.path}/packs/{name}" for name in sorted(os.listdir(f"{run.path}/packs"))]


def flip(path, at):
    with open(path, "r+b") as target:
        target.seek(at)
        byte = target.read(1)[0]
        target.seek(at)
        target.write(bytes([byte ^ 0x10]))


def test_a_flipped_bit_in_a_pack_names_the_variable_and_costs_one_version(run, packs):
    manifest = read_manifest(run.path, 2)
    own = manifest.containers.index(os.path.basename(packs[1]))
    rows = [row for row in manifest.rows if row.container == own]
    assert len(rows) > 2
    for at in [row.offset + row.stored_bytes * part // 9 for row in rows for part in (0, 4, 8)]:
        flip(packs[1], at)
        with pytest.raises(CorruptError) as failure:
            run.reader(2).check()
        assert failure.value.exit_code == 8
        assert "version 2" in str(failure.value) and packs[1] in str(failure.value)
        for ahead in (False, True):
            reader = run.reader(ahead=ahead)
            assert reader.version.number == 1
            assert list(reader.skipped) == [2] and "damaged" in reader.skipped[2]
            assert reader.leaf(0) == LARGE.tobytes()
        flip(packs[1], at)
    assert run.reader().version.number == 2


def test_a_shared_chunk_that_is_damaged_costs_every_version_that_holds_it(run, packs):
    flip(packs[0], os.path.getsize(packs[0]) - 1)
    with pytest.raises(CorruptError):
        run.reader()
    for number in (1, 2):
        with pytest.raises(CorruptError) as failure:
            run.reader(number).leaf(0)
        assert "'f/X'" in str(failure.value)


@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
def test_a_purged_or_cut_pack_is_noticed(run, packs, harm):
    if harm == "missing":
        os.remove(packs[1])
    else:
        os.truncate(packs[1], 0 if harm == "empty" else os.path.getsize(packs[1]) - 1)
    with pytest.raises(CorruptError):
        run.reader(2).check()
    assert run.reader().version.number == 1


def test_a_purged_version_file_falls_back(run, packs):
    os.remove(f"{run.path}/versions/0000000002")
    assert run.reader().version.number == 1
    assert [v.number for v in run.versions()] == [1]


def test_chunks_of_purged_files_are_written_again(run, packs, stage):
    os.remove(packs[1])
    assert run.reader().version.number == 1
    writer = run.open_writer(attempt=2)
    version = writer.publish(stage({"state": b"3"}, [("f/n", LARGE + 7)], writer))
    assert version.bytes_new > LARGE.nbytes
    assert run.reader().leaf(0) == (LARGE + 7).tobytes()


def test_a_damaged_version_file_is_listed_as_damaged(run, packs):
    path = f"{run.path}/versions/0000000002"
    flip(path, os.path.getsize(path) - 30)
    os.remove(f"{run.path}/index")
    assert list(run.damaged()) == [2]
    assert [v.number for v in run.versions()] == [1]
    assert run.newest().number == 1
    assert run.reader().version.number == 1


def test_a_new_writer_goes_on_behind_a_damaged_version(run, packs, stage):
    path = f"{run.path}/versions/0000000002"
    flip(path, os.path.getsize(path) - 30)
    writer = run.open_writer(attempt=2, parent=1)
    version = writer.publish(stage({"state": b"3"}, [("f/X", LARGE)], writer))
    assert (version.number, version.parent) == (3, 1)
    assert run.reader().version.number == 3
