"""Any version opens with plain Zarr: every array under its frame and variable, equal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import numpy as np
import pytest

from dartslurm.errors import CorruptError, StoreError
from dartslurm.model.parts import StagedLeaf, StagedVersion

zarr = pytest.importorskip("zarr")
from dartslurm.store.layout import PAGE_BYTES  # noqa: E402
from dartslurm.store.zarr_view import open_store  # noqa: E402

NOISE = np.random.default_rng(0)
ARRAYS = {
    "frames/2/X": NOISE.standard_normal((1000, 333)),
    "frames/2/F": np.asfortranarray(NOISE.standard_normal((300, 70, 50)).astype("f4")),
    "frames/2/labels": NOISE.integers(0, 9, 300_000),
    "frames/2/flags": np.array([True, False, True]),
    "frames/2/scalar": np.array(3.5),
    "frames/2/big_endian": np.arange(70_000, dtype=">i4"),
    "frames/2/half": np.ones((3, 3), "f2"),
    "frames/1/empty": np.zeros((0, 4)),
    "frames/1/c": NOISE.standard_normal(5) + 1j,
    "frames/1/wide": NOISE.standard_normal((3, 4, 100_000)),
    "frames/1/__x": np.arange(3, dtype="u2"),
    "frames/1/self.model/weights": np.ones((2, 2), "f4"),
}
RAW = {
    "frames/0/dates": np.arange(20).astype("M8[ns]").reshape(4, 5),
    "frames/0/words": np.asfortranarray(np.array([["ab", "c"], ["d", "efg"], ["", "b"]])),
    "frames/0/many": np.array([b"abc", b"d"] * 100_000),
    "frames/0/records": np.array([(1, 2.5)] * 7, [("a", "i4"), ("b", "f8")]),
}


@pytest.fixture
def group(run, writer, stage):
    writer.publish(stage({"state": b"x"}, [*ARRAYS.items(), *RAW.items()], writer))
    return zarr.open_group(open_store(run), mode="r")


def test_every_array_is_found_equal_with_its_shape_and_dtype(group):
    for path, array in ARRAYS.items():
        shown = group[path]
        assert shown.shape == array.shape
        assert shown.dtype.kind == array.dtype.kind and shown.dtype.itemsize == array.itemsize
        assert np.array_equal(shown[...], array)
        assert shown.attrs["path"] == path


def test_other_dtypes_are_shown_as_bytes_with_their_name(group):
    for path, array in RAW.items():
        shown = group[path]
        assert shown.dtype == "uint8" and shown.shape == (*array.shape, array.itemsize)
        back = np.ascontiguousarray(shown[...]).view(array.dtype)[..., 0]
        assert np.array_equal(back, array)
    assert group["frames/0/dates"].attrs["dtype"] == "<M8[ns]"


def test_a_part_is_read_without_the_rest(group, run, monkeypatch):
    from dartslurm.store import reader

    asked = []
    real = reader.VersionReader.chunk
    monkeypatch.setattr(
        reader.VersionReader, "chunk", lambda *a: asked.append(a[1].size_bytes) or real(*a)
    )
    part = group["frames/1/wide"][1, 2:3, 7:50_000]
    assert np.array_equal(part, ARRAYS["frames/1/wide"][1, 2:3, 7:50_000])
    assert sum(asked) <= 3 * (256 << 10)


def test_frames_and_variables_can_be_listed(group):
    assert sorted(group.group_keys()) == ["frames"]
    assert sorted(group["frames/0"].array_keys()) == ["dates", "many", "records", "words"]
    assert group.attrs["version"] == 1 and group.attrs["place"] == "a.py:1, f"


def test_any_version_can_be_opened(run, writer, stage):
    for step in range(3):
        writer.publish(stage({}, [("f/n", np.array([step, 0.5]))], writer))
    for step in range(3):
        shown = zarr.open_group(open_store(run, step + 1), mode="r")
        assert shown["f/n"][...].tolist() == [step, 0.5]


def test_taken_names_get_a_suffix(run, writer, stage):
    one = np.arange(3)
    leaves = [("f/x", one), ("f/x", one + 1), ("f/x/y", one + 2), ("", one + 3), ("../a", one + 4)]
    writer.publish(stage({}, leaves, writer))
    shown = zarr.open_group(open_store(run), mode="r")
    found = {
        path: node[0] for path, node in shown.members(max_depth=None) if hasattr(node, "shape")
    }
    assert found == {"f/x~2": 0, "f/x~3": 1, "f/x/y": 2, "unnamed": 3, "_../a": 4}


@pytest.mark.parametrize("grid", [(7,), (50, 150), (1, 1), (300, 150, 1), ()])
def test_a_leaf_with_another_grid_is_shown_as_one_chunk(run, writer, stage, grid):
    array = NOISE.standard_normal((300, 150))
    chunks = stage({}, [("x", array)], writer).leaves[0].chunks
    leaf = StagedLeaf("x", "<f8", (300, 150), grid, "C", chunks)
    writer.publish(StagedVersion({}, {}, [leaf], 0, 0))
    assert np.array_equal(zarr.open_group(open_store(run), mode="r")["x"][...], array)


def test_a_leaf_of_unknown_dtype_is_shown_as_flat_bytes(run, writer, stage):
    chunks = stage({}, [("x", np.arange(5))], writer).leaves[0].chunks
    leaf = StagedLeaf("x", "bfloat16", (9, 9), (9, 9), "C", chunks)
    writer.publish(StagedVersion({}, {}, [leaf], 0, 0))
    shown = zarr.open_group(open_store(run), mode="r")["x"]
    assert shown.shape == (40,) and shown[...].tobytes() == np.arange(5).tobytes()


def test_the_view_cannot_change_anything(run, group):
    with pytest.raises(Exception, match=r"read.only"):
        group["frames/2/X"][0] = 1
    store = open_store(run)
    for call in (store.set("zarr.json", None), store.delete("zarr.json")):
        with pytest.raises(StoreError):
            asyncio.run(call)


def test_damage_is_never_shown_as_data(run, group):
    (pack,) = os.listdir(f"{run.path}/packs")
    path = f"{run.path}/packs/{pack}"
    with open(path, "r+b") as target:
        target.seek(PAGE_BYTES + 100)  # its first chunk begins with a page
        target.write(b"rotten")
    with pytest.raises(CorruptError):
        zarr.open_group(open_store(run, 1), mode="r")["frames/2/X"][...]


def test_keys_that_mean_nothing_are_missing(run, group):
    store = open_store(run)

    async def ask(key):
        return await store.get(key), await store.exists(key)

    for key in ("x", "frames/2/X/c/9/9", "frames/2/X/c/0", "frames/2/X/c/-1/0", "c/0", "/c/", ""):
        assert asyncio.run(ask(key)) == (None, False)


def test_reading_needs_none_of_the_users_code_and_no_pickle(root, run, group):
    program = (
        "import sys, builtins\n"
        "import zarr, pickle\n"
        "def refuse(*a, **k): raise SystemExit('unpickled')\n"
        "pickle.loads = pickle.load = pickle.Unpickler = refuse\n"
        "from dartslurm.store.repository import Repository\n"
        "from dartslurm.store.zarr_view import open_store\n"
        "run = Repository.open(sys.argv[1]).run(sys.argv[2])\n"
        "group = zarr.open_group(open_store(run, 1), mode='r')\n"
        "print(group['frames/1/__x'][...].tolist())\n"
    )
    import dartslurm

    place = os.path.dirname(os.path.dirname(dartslurm.__file__))
    done = subprocess.run(
        [sys.executable, "-c", program, root, run.record.run_id],
        check=True,
        env={**os.environ, "PYTHONPATH": place},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[0, 1, 2]\n"
