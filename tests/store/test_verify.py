"""Every damaged byte is named, with the versions and variables it touches; good bytes never are."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from dartslurm.cli.verify import main
from dartslurm.store.repository import Repository
from dartslurm.store.verify import verify_run

LARGE = np.random.default_rng(2).standard_normal((300, 150))


@pytest.fixture
def filled(run, writer, stage):
    """Three versions: the first pack is shared by all, the second belongs to version 3."""
    writer.publish(stage({"state": b"1"}, [("f/X", LARGE)], writer))
    writer.publish(stage({"state": b"2"}, [("f/X", LARGE), ("f/n", LARGE[:9] + 1)], writer))
    writer.publish(stage({"state": b"3"}, [("f/X", LARGE), ("f/Y", LARGE + 1)], writer))
    writer.close()
    run.finish(0)
    return sorted(Path(run.path, "packs").iterdir())


def flip(path, at, bit=3):
    content = bytearray(Path(path).read_bytes())
    content[at] ^= 1 << bit
    Path(path).write_bytes(content)


def quiet(done, total):
    assert 0 <= done <= total


def test_a_whole_run_is_found_whole(run, filled, root, capsys):
    verdict = verify_run(run, quiet)
    assert verdict.damages == [] and verdict.newest_whole == 3
    assert verdict.bytes_read > 2 * LARGE.nbytes
    assert main([f"--dart-store={root}"]) == 0
    assert "all whole; newest whole version: 3" in capsys.readouterr().out


def test_a_damaged_chunk_is_named_with_versions_and_variables(run, filled, root, capsys):
    flip(filled[0], filled[0].stat().st_size - 1)
    flip(filled[1], 100)
    first, second = verify_run(run, quiet).damages
    assert (first.versions, first.variables) == ((1, 2, 3), ("f/X",))
    assert (second.versions, second.variables) == ((3,), ("f/Y",))
    assert first.digest != second.digest
    assert main([run.record.run_id, f"--dart-store={root}"]) == 8
    out = capsys.readouterr().out
    assert "versions 1-3; f/X" in out and "versions 3; f/Y" in out and "no whole version" in out


def test_the_newest_whole_version_is_named(run, filled, root, capsys):
    flip(filled[1], 400)
    assert main([run.record.run_id, f"--dart-store={root}", "--json"]) == 8
    told = json.loads(capsys.readouterr().out)["runs"][0]
    assert told["newest_whole"] == 2 and told["versions"] == [1, 2, 3]
    assert told["damages"][0]["versions"] == [3]


@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
def test_a_purged_or_cut_pack_is_named(run, filled, harm):
    if harm == "missing":
        os.remove(filled[1])
    else:
        os.truncate(filled[1], 0 if harm == "empty" else filled[1].stat().st_size - 1)
    verdict = verify_run(run, quiet)
    assert {damage.path for damage in verdict.damages} == {str(filled[1])}
    assert verdict.newest_whole == 2


UNSEALED = {"index", "reserve"}
"""May be lost or damaged without harm: nothing is ever taken from them but what lists show."""


def kinds_of_files(run):
    """One file of each kind that the format knows, with its content."""
    found = {}
    for path in sorted(Path(run.path).rglob("*")):
        if path.is_file() and path.name not in UNSEALED:
            kind = path.parent.name if path.parent != Path(run.path) else path.name
            found.setdefault(f"{kind}{path.suffix}", path)
    return found


def test_a_flipped_bit_in_every_region_of_every_file_is_found(repository, run, filled):
    files = kinds_of_files(run)
    assert sorted(files) == [
        *("epochs", "epochs.end", "finished.json.json", "packs", "run.json.json", "versions")
    ]
    dice = random.Random(6)
    for path in files.values():
        good = path.read_bytes()
        spots = {*range(min(24, len(good))), *range(len(good) - 72, len(good))}
        spots |= {dice.randrange(len(good)) for _ in range(25)}
        for at in sorted(spot for spot in spots if spot >= 0):
            flip(path, at, dice.randrange(8))
            fresh = Repository(repository.root)
            try:
                assert verify_run(fresh.run(run.record.run_id), quiet).damages, (path, at)
            except Exception as error:
                assert getattr(error, "exit_code", 0) in (7, 8), (path, at, error)
            path.write_bytes(good)
    assert verify_run(run, quiet).damages == []


@pytest.mark.parametrize("name", sorted(UNSEALED))
def test_damage_where_nothing_depends_on_it_changes_nothing(run, filled, name):
    path = Path(run.path, name)
    for at in range(0, path.stat().st_size, 97):
        flip(path, at)
    assert verify_run(run, quiet).damages == []
    assert [version.number for version in run.versions()] == [1, 2, 3]
    assert run.reader().version.number == 3


def test_a_run_that_cannot_be_opened_is_reported_among_the_others(run, filled, root, capsys):
    flip(f"{run.path}/run.json", 5)
    assert main([f"--dart-store={root}"]) == 8
    assert f"{run.record.run_id}: damaged" in capsys.readouterr().out


def test_verify_changes_nothing(run, filled, root):
    def state():
        return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in Path(root).rglob("*")}

    before = state()
    assert main([f"--dart-store={root}"]) == 0
    assert state() == before
