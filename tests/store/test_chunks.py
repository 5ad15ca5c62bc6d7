"""Chunks cover the memory exactly once and form a Zarr grid."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartslurm.store import chunks
from dartslurm.store.chunks import digest, memory_shape, plan_chunks


def test_the_digest_is_xxh3_with_128_bits():
    """The empty text's digest as the reference implementation gives it."""
    assert digest(b"").hex() == "99aa06d3014798d86001c324468d497f"
    assert digest(memoryview(b"abc")) == digest(bytearray(b"abc"))


@given(
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    itemsize=st.sampled_from([1, 2, 8, 24]),
    goal=st.sampled_from([1, 8, 40, 100, 1000]),
)
def test_chunks_are_the_pieces_of_a_zarr_grid(shape, itemsize, goal):
    before = chunks.target_bytes
    chunks.target_bytes = lambda total: goal
    try:
        grid, spans = plan_chunks(shape, itemsize)
    finally:
        chunks.target_bytes = before
    array = np.arange(int(np.prod(shape)), dtype="i8").reshape(shape)
    memory = array.ravel()
    assert len(grid) == len(shape)
    assert all(step >= 1 for step in grid)
    counts = [range(-(-length // step)) for length, step in zip(shape, grid, strict=True)]
    cells = list(product(*counts)) if 0 not in shape else []
    assert len(cells) == len(spans)
    for cell, (start, size) in zip(cells, spans, strict=True):
        block = array[tuple(slice(c * g, (c + 1) * g) for c, g in zip(cell, grid, strict=True))]
        assert start % itemsize == size % itemsize == 0
        piece = memory[start // itemsize : (start + size) // itemsize]
        assert piece.tolist() == block.ravel().tolist()


@pytest.mark.parametrize(
    ("shape", "itemsize", "grid", "count"),
    [
        ((), 8, (), 1),
        ((10,), 8, (10,), 1),
        ((1_000_000, 20), 8, (6553, 20), 153),
        ((5_000_000, 8), 8, (16384, 8), 306),
        ((2, 3_000_000), 8, (1, 32768), 184),
        ((0, 4), 8, (1, 4), 0),
    ],
)
def test_rows_are_kept_whole_where_they_fit(shape, itemsize, grid, count):
    got, spans = plan_chunks(shape, itemsize)
    assert (got, len(spans)) == (grid, count)


def test_memory_of_order_f_runs_backwards():
    assert memory_shape((2, 3, 4), "F") == (4, 3, 2)
    assert memory_shape((2, 3, 4), "C") == (2, 3, 4)
