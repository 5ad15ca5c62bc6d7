"""A store that was written by an earlier release can be read and continued."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dartslurm.store.layout import FORMAT
from dartslurm.store.repository import Repository

STORES = sorted(Path(__file__).parent.glob("compat_v*"))


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def old(request, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(request.param, copy)
    for folder, _, names in os.walk(copy):
        os.chmod(folder, 0o700)
        for name in names:
            os.chmod(os.path.join(folder, name), 0o600)
    for name in ("epochs", "versions", "packs"):  # version control does not keep empty folders
        os.makedirs(copy / "store" / "runs" / "r-00c0ffee" / name, mode=0o700, exist_ok=True)
    expected = json.loads((copy / "expected.json").read_text())
    return Repository.open(str(copy / "store")).run("r-00c0ffee"), expected


def test_each_format_has_a_store_here():
    assert [path.name for path in STORES] == [f"compat_v{n + 1}" for n in range(FORMAT)]


def test_an_old_store_is_read_whole(old):
    run, expected = old
    assert run.record.exit_code == 3 and run.record.argv == ["train.py"]
    assert [str(v.number) for v in run.versions()] == list(expected)
    assert run.newest().number == 3
    for number, told in expected.items():
        assert run.version(int(number)).parent == told["parent"]
        assert run.version(int(number)).meta["ledger"] == [{"n": int(number)}]
        with run.reader(int(number)) as reader:
            reader.check()
            assert reader.stream("state").decode() == told["stream"]
            for index, leaf in enumerate(told["leaves"]):
                assert hashlib.sha256(reader.leaf(index)).hexdigest() == leaf["sha256"]


def test_an_old_store_is_read_without_its_index(old):
    run, expected = old
    os.remove(f"{run.path}/index")
    assert [str(v.number) for v in run.versions()] == list(expected)


def test_an_old_store_opens_with_zarr(old):
    zarr = pytest.importorskip("zarr")
    from dartslurm.store.zarr_view import open_store

    run, expected = old
    for number, told in expected.items():
        group = zarr.open_group(open_store(run, int(number)), mode="r")
        for leaf in told["leaves"]:
            shown = group[leaf["path"]]
            assert list(shown.shape[: len(leaf["shape"])]) == leaf["shape"]
            if shown.attrs["dtype"] == leaf["dtype"] and shown.attrs["order"] == "C":
                memory = np.ascontiguousarray(shown[...]).tobytes()
                assert hashlib.sha256(memory).hexdigest() == leaf["sha256"]


def test_a_run_goes_on_in_an_old_store(old, stage):
    run, _ = old
    writer = run.open_writer(attempt=3)
    version = writer.publish(stage({"state": b"new"}, [], writer))
    assert (version.number, version.epoch, version.parent) == (4, 3, 3)
    assert run.reader().stream("state") == b"new"
