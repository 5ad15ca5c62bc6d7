"""Equal chunks are stored once in a store, and no run depends on another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dartslurm import disk
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.verify import verify_run

DATA = np.random.default_rng(6).standard_normal((400, 1000))  # 3.2 MB
MORE = np.random.default_rng(7).standard_normal((30, 1000))


def begin(repository, record, stage, *extra, writer=None):
    run = repository.create_run(record())
    writer = run.open_writer(attempt=1)
    writer.publish(stage({"state": b"1"}, [("f/data", DATA), *extra], writer))
    return run, writer


def stored(run):
    return sum(
        p.stat().st_size for p in Path(run.path, "packs").iterdir() if p.stat().st_nlink == 1
    )


def whole(run):
    assert verify_run(run, lambda *_: None).damages == []
    assert run.reader().leaf(0) == DATA.tobytes()


def test_what_another_run_holds_is_not_written_again(repository, record, stage):
    first, _ = begin(repository, record, stage)
    second, _ = begin(repository, record, stage, ("f/more", MORE))
    assert second.newest().bytes_new < 300_000
    assert stored(second) < DATA.nbytes / 4
    for run in (first, second):
        whole(run)


@pytest.mark.parametrize("gone", [0, 1])
def test_a_run_outlives_the_one_it_shared_with(repository, record, stage, gone):
    runs = [begin(repository, record, stage)[0] for _ in range(2)]
    shutil.rmtree(runs[gone].path)
    whole(runs[1 - gone])
    heir = runs[1 - gone].open_writer(attempt=2)
    heir.publish(stage({"state": b"2"}, [("f/data", DATA)], heir))
    whole(runs[1 - gone])


def test_pruning_one_run_never_harms_the_other(repository, record, stage):
    first, writer = begin(repository, record, stage)
    second, _ = begin(repository, record, stage)
    writer.publish(stage({"state": b"2"}, [("f/data", DATA + 1)], writer))
    writer.publish(stage({"state": b"3"}, [("f/data", DATA + 2)], writer))
    writer.close()
    plan = plan_prune(first.path, Keep(last=1))
    assert DATA.nbytes <= plan.bytes_freed < 1.5 * DATA.nbytes  # the shared pack frees nothing
    carry_out(plan, Keep(last=1))
    whole(second)


def test_a_damaged_chunk_is_not_taken_over(repository, record, stage):
    first, _ = begin(repository, record, stage)
    (pack,) = Path(first.path, "packs").iterdir()
    raw = bytearray(pack.read_bytes())
    raw[-9] ^= 1
    pack.write_bytes(raw)
    second, _ = begin(repository, record, stage)
    whole(second)


def test_a_failed_commit_leaves_no_linked_pack(repository, record, stage, monkeypatch):
    begin(repository, record, stage)
    run = repository.create_run(record())
    writer = run.open_writer(attempt=1)
    real = disk.write_new

    def refuse(path, pieces, **how):
        if "/versions/" in path:
            raise disk.store_error("write", path, OSError(28, "No space left on device"))
        return real(path, pieces, **how)

    with monkeypatch.context() as patches:
        patches.setattr(disk, "write_new", refuse)
        with pytest.raises(Exception, match="No space"):
            writer.publish(stage({"state": b"1"}, [("f/data", DATA)], writer))
    assert os.listdir(f"{run.path}/packs") == []
    writer.publish(stage({"state": b"1"}, [("f/data", DATA)], writer))
    whole(run)
