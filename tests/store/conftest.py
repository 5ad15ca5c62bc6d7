"""Staged versions, stores and a disk that fails on demand, for all tests of the store."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dartslurm import bulk, disk
from dartslurm.model.parts import StagedChunk, StagedLeaf, StagedVersion
from dartslurm.model.version import RunRecord
from dartslurm.store import draft, publish
from dartslurm.store.chunks import digest, memory_shape, plan_chunks
from dartslurm.store.repository import Repository, new_run_id

HERE = Path(__file__).parent


def stage_version(streams, leaves=(), writer=None, **meta):
    """Stage bytes and arrays as the runtime does: only what the writer does not know."""
    new = 0

    def chunk(piece):
        nonlocal new
        name = digest(piece)
        known = writer is not None and writer.known(name)
        new += 0 if known else len(piece)
        return StagedChunk(name, len(piece), None if known else piece)

    staged = []
    for path, array in leaves:
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        order = "F" if fortran else "C"
        memory = (array.T if fortran else np.ascontiguousarray(array)).tobytes()
        grid, spans = plan_chunks(memory_shape(array.shape, order), array.itemsize)
        chunks = [chunk(memory[start : start + size]) for start, size in spans]
        staged.append(StagedLeaf(path, array.dtype.str, array.shape, grid, order, chunks))
    cut = {name: [chunk(text)] for name, text in streams.items()}
    total = sum(c.size_bytes for cs in cut.values() for c in cs)
    total += sum(c.size_bytes for leaf in staged for c in leaf.chunks)
    about = {"cause": "interval", "place": "a.py:1, f", "node": "n1", "pause_seconds": 0.5, **meta}
    return StagedVersion(about, cut, staged, total, new)


def make_record(run_id=None):
    return RunRecord(
        run_id=run_id or new_run_id(),
        created_utc=time.time(),
        argv=["train.py", "--epochs", "3"],
        cwd="/home/u",
        python="/usr/bin/python3",
        python_version="3.11.7",
        launch={"kind": "script", "path": "train.py"},
        job={},
    )


def load_beside(name):
    spec = importlib.util.spec_from_file_location(f"dart_store_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SIZES = [
    (publish, "INLINE_BYTES", 256 << 10),
    (draft, "BULK_BYTES", 512 << 10),
    (draft, "_PLACED_BYTES", 16 << 10),
    (bulk, "BLOCK_BYTES", 64 << 10),
]
"""So that small data makes packs as well, of both kinds: through the page cache and past it."""


@pytest.fixture(autouse=True)
def packs_of_small_data(monkeypatch):
    for size in SIZES:
        monkeypatch.setattr(*size)


@pytest.fixture
def stage():
    return stage_version


@pytest.fixture
def record():
    return make_record


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture
def repository(root):
    return Repository.open(root, create=True)


@pytest.fixture
def run(repository):
    return repository.create_run(make_record())


@pytest.fixture
def writer(run):
    return run.open_writer(attempt=1)


def explore_life(tests, folder, rounds, **how):
    """Every state a power cut may leave of the life that a module of tests leads, and its finds."""
    model = load_beside("crash_model")
    return model.explore(
        folder,
        lambda root, marks: tests.live(root, stage_version, make_record, marks),
        lambda root, marks: tests.violations(root, marks, stage_version, model),
        rounds,
        **how,
    )


@pytest.fixture
def explore(request, tmp_path):
    return partial(explore_life, request.module, tmp_path)


CALLS = tuple(
    f"_{name}"
    for name in (
        *("open", "writev", "fdatasync", "fsync", "link", "unlink"),
        *("rename", "mkdir", "lstat", "preadv", "fstat", "listdir"),
    )
)


@pytest.fixture
def faulty(monkeypatch):
    """Count every call of `disk`, and make the n-th one fail (or fail after it was done)."""
    state = SimpleNamespace(count=0, fail_at=0, error=0, calls=[], after=False, armed=True)

    def wrap(name, real):
        def call(*args, **named):
            if not state.armed:
                return real(*args, **named)
            state.count += 1
            state.calls.append(name)
            if state.count == state.fail_at:
                if state.after:
                    real(*args, **named)
                raise OSError(state.error, os.strerror(state.error))
            return real(*args, **named)

        return call

    for name in CALLS:
        monkeypatch.setattr(disk, name, wrap(name, getattr(disk, name)))
    return state
