"""Any version can be looked at and written out by plain tools, without the program's code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

zarr = pytest.importorskip("zarr")
import h5py  # noqa: E402

from dartslurm.cli.export import main  # noqa: E402

NOISE = np.random.default_rng(4)
POISON = b"cposix\nsystem\n(S'touch unpickled'\ntR."  # a pickle that would run a command


def arrays_of(number):
    return {
        "frames/1/X": np.arange(120_000.0).reshape(400, 300) * number,
        "frames/1/F": np.asfortranarray(np.arange(12, dtype="i2").reshape(3, 4)) + number,
        "frames/1/self.model/w": np.full((2, 2), number, "f4"),
        "frames/0/mask": np.array([True, False]),
        "frames/0/empty": np.zeros((0, 3)),
        "frames/0/scalar": np.array(2.5),
        "frames/0/large": NOISE.integers(0, 9, (3, 200_000)),
    }


@pytest.fixture
def versions(run, writer, stage):
    kept = {}
    for number in (1, 2, 3):
        kept[number] = arrays_of(number)
        leaves = [*kept[number].items(), ("frames/0/when", np.arange(4).astype("M8[s]"))]
        writer.publish(stage({"state": POISON}, leaves, writer))
    run.finish(0)
    return kept


TEN_LINES = """
import sys
import zarr
import dartslurm

group = zarr.open_group(dartslurm.store(sys.argv[1], version=int(sys.argv[2])), mode="r")
print(group.attrs["version"], group["frames/1/X"][399, 299], group["frames/1/F"][...].tolist())
assert not {"dill", "cloudpickle", "dartslurm.resume"} & set(sys.modules)
"""


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_ten_line_script_opens_any_version(versions, run, root, tmp_path, number):
    script = tmp_path / "look.py"
    script.write_text(TEN_LINES)
    source = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, str(script), run.record.run_id, str(number)],
        env={**os.environ, "DART_STORE": root, "PYTHONPATH": source},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    arrays = versions[number]
    expected = f"{number} {arrays['frames/1/X'][399, 299]} {arrays['frames/1/F'].tolist()}"
    assert done.stdout.strip() == expected, done.stderr


def test_the_function_takes_every_way_to_name_a_version(versions, run, root):
    import dartslurm
    import dartslurm.store.repository

    ways = [
        dartslurm.store(run.record.run_id, version=2, store=root),
        dartslurm.store(f"{run.record.run_id}@2", store=root),
        dartslurm.store(run.path, version=2),
        dartslurm.store(f"{run.path}@2"),
    ]
    for way in ways:
        assert zarr.open_group(way, mode="r").attrs["version"] == 2
    assert zarr.open_group(dartslurm.store(store=root), mode="r").attrs["version"] == 3


@pytest.mark.parametrize("form", ["--hdf5", "--zarr"])
@pytest.mark.parametrize("number", [1, 3])
def test_an_export_holds_every_array_equal(versions, run, root, tmp_path, form, number, capsys):
    target = tmp_path / "out"
    words = [f"{run.record.run_id}@{number}", f"{form}={target}", f"--dart-store={root}"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out == "" and "8 arrays" in err
    opened = h5py.File(target) if form == "--hdf5" else zarr.open_group(target, mode="r")
    assert opened.attrs["version"] == number
    for path, array in versions[number].items():
        assert opened[path].shape == array.shape and opened[path].dtype == array.dtype
        assert np.array_equal(opened[path][()], array)
    raw = opened["frames/0/when"]
    assert raw.attrs["dtype"] == "<M8[s]"
    assert raw[()].tobytes() == np.arange(4).astype("M8[s]").tobytes()
    assert sorted(os.listdir(tmp_path)) == ["out", "store"]


@pytest.mark.parametrize("form", ["--hdf5", "--zarr"])
def test_an_export_of_a_damaged_version_leaves_nothing(versions, run, root, tmp_path, form, capsys):
    pack = min(Path(run.path, "packs").iterdir())
    content = bytearray(pack.read_bytes())
    content[-5] ^= 4
    pack.write_bytes(content)
    words = [f"{run.record.run_id}@1", f"{form}={tmp_path / 'out'}", f"--dart-store={root}"]
    assert main(words) == 8
    assert "damaged" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["store"]


def test_an_export_never_replaces_a_file(versions, run, root, tmp_path, capsys):
    target = tmp_path / "mine.h5"
    target.write_text("precious")
    assert main([run.record.run_id, f"--hdf5={target}", f"--dart-store={root}"]) == 2
    assert target.read_text() == "precious"
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["{run}"], 2),
        (["{run}", "--hdf5=a", "--zarr=b"], 2),
        (["{run}@9", "--hdf5=a"], 4),
        (["{run}@x", "--hdf5=a"], 4),
        (["r-99999999", "--hdf5=a"], 3),
        (["{run}", "--hdf5=no/such/folder/a"], 7),
        (["{run}", "--frob"], 2),
    ],
)
def test_a_wrong_call_has_its_code_and_one_line(versions, run, root, capsys, words, code):
    called = [word.format(run=run.record.run_id) for word in words]
    assert main([*called, f"--dart-store={root}"]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dart-export: ") and len(err.splitlines()) == 1
