"""How memory is cut into chunks, and what names a chunk.

Takes shapes and bytes; gives a Zarr chunk grid with the spans of flat memory that fill it, and
digests. Keeps: every chunk is one contiguous piece of memory, so cutting copies nothing.
"""

from __future__ import annotations

from itertools import product
from math import prod

from xxhash import xxh3_128_digest as _xxh3_128_digest

_SMALL_LEAF_BYTES = 64 << 20
_LARGE_LEAF_BYTES = 2 << 30


def digest(data: bytes | bytearray | memoryview) -> bytes:
    """Name bytes by their content (XXH3, 128 bits); releases the interpreter lock when large."""
    return _xxh3_128_digest(data)


def memory_shape(shape: tuple[int, ...], order: str) -> tuple[int, ...]:
    """Shape of the C-ordered memory behind an array: reversed for order ``F``."""
    return shape[::-1] if order == "F" else shape


def target_bytes(total_bytes: int) -> int:
    """Choose a chunk size: small enough for sparse changes, large enough for few rows.

    Source:
        Measured: a true change of 4.2 MiB costs 34, 66, 72, 80 and 128 MiB of new data with
        chunks of 256 KiB, 1, 4, 16 and 64 MiB.
    """
    if total_bytes <= _SMALL_LEAF_BYTES:
        return 256 << 10
    return 1 << 20 if total_bytes <= _LARGE_LEAF_BYTES else 4 << 20


def plan_chunks(
    shape: tuple[int, ...], itemsize: int
) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """Cut C-ordered memory into contiguous chunks that form a Zarr grid.

    Shape:
        ``shape`` is the *memory shape* (see `memory_shape`): for an array in order ``F`` the
        reversed one. The grid has its length; one axis is cut, those before it singly.

    Returns:
        The chunk shape, and ``(offset, length)`` of each chunk in bytes, in the order of the
        memory. An array without items has no chunk.
    """
    grid, axis = _grid(shape, itemsize)
    if 0 in shape:
        return grid, []
    if not shape:
        return grid, [(0, itemsize)]
    inner_bytes = itemsize * prod(shape[axis + 1 :])
    line_bytes = inner_bytes * shape[axis]
    step_bytes = inner_bytes * grid[axis]
    spans = [
        (start, min(step_bytes, line_start + line_bytes - start))
        for line_start in range(0, line_bytes * prod(shape[:axis]), line_bytes)
        for start in range(line_start, line_start + line_bytes, step_bytes)
    ]
    return grid, spans


def _grid(shape: tuple[int, ...], itemsize: int) -> tuple[tuple[int, ...], int]:
    """Chunk shape, and the axis that is cut: the last whose inner part still fits a chunk."""
    goal_bytes = target_bytes(itemsize * prod(shape))
    axis, inner_bytes = len(shape) - 1, itemsize
    while axis > 0 and inner_bytes * max(shape[axis], 1) <= goal_bytes:
        inner_bytes *= max(shape[axis], 1)
        axis -= 1
    if axis < 0:
        return (), 0
    rows = max(1, min(max(shape[axis], 1), goal_bytes // max(inner_bytes, 1)))
    inner = tuple(max(length, 1) for length in shape[axis + 1 :])
    return (1,) * axis + (rows, *inner), axis


def grid_positions(shape: tuple[int, ...], grid: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Grid position of each chunk that `plan_chunks` gives, in its order."""
    counts = [range(-(-length // step)) for length, step in zip(shape, grid, strict=True)]
    return list(product(*counts))
