"""Chunks cover the memory exactly once and form a Zarr grid."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartslurm.store import chunks
from dartslurm.store.chunks import digest, memory_shape, plan_chunks
from dartslurm.store.codec import Codec, choose_codec, decode_chunk, encode_chunk, item_bytes


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


NOISE = np.random.default_rng(3)
BUFFERS = {
    "a field": (np.add.outer(np.arange(300.0), np.arange(200.0)), Codec.SHUFFLED),
    "a counter": (np.arange(1 << 40, (1 << 40) + 60_000), Codec.SHUFFLED),
    "labels": (NOISE.integers(0, 3, 60_000, "u1"), Codec.ZSTD),
    "weights": (NOISE.standard_normal(60_000).astype("f4"), Codec.NONE),
    "noise": (NOISE.integers(0, 256, 60_000, "u1"), Codec.NONE),
    "a few bytes": (np.zeros(20), Codec.NONE),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_a_codec_is_used_where_a_sample_says_that_it_pays(name):
    array, expected = BUFFERS[name]
    memory, size = array.tobytes(), item_bytes(array.dtype.str)
    assert choose_codec(memory, array.dtype.str) is expected
    stored, codec = encode_chunk(memory, expected, size)
    assert codec is expected
    assert (memoryview(stored).nbytes <= 0.75 * len(memory)) == (codec is not Codec.NONE)
    assert decode_chunk(stored, codec, len(memory), "here") == memory


@given(st.binary(max_size=3000), st.sampled_from(list(Codec)), st.sampled_from([1, 2, 4, 8, 16]))
def test_every_codec_gives_the_bytes_back(data, codec, size):
    stored, used = encode_chunk(data * 3, codec, size)
    assert decode_chunk(stored, used, len(data) * 3, "here") == data * 3


FILTERS = """
import sys, warnings, numpy
from dartslurm.store.codec import choose_codec
before, registry = list(warnings.filters), {}
warnings.warn_explicit("shown", UserWarning, "x", 1, registry=registry)
choose_codec(bytes(9000), "<f8")
assert "numcodecs" in sys.modules and warnings.filters == before
warnings.warn_explicit("shown", UserWarning, "x", 1, registry=registry)
warnings.simplefilter("error")
assert warnings.filters != before
"""


def test_the_codec_is_loaded_without_a_trace_in_the_programs_warnings():
    done = subprocess.run(
        [sys.executable, "-c", FILTERS], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("shown") == 1
