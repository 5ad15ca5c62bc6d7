"""Export: the arrays of one version in a file that every tool reads.

Takes a reader and a path; gives an HDF5 file or a Zarr folder. Keeps: every byte is verified on
the way, nothing is unpickled, no more than one chunk is in memory, and the target appears when it
is whole or not at all. This module imports zarr and h5py; the program under capture never
imports it.
"""

from __future__ import annotations

import os
from itertools import product
from os.path import abspath, dirname, join
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.errors import UsageError, store_error
from dartslurm.store.zarr_view import VersionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import zarr

    from dartslurm.store.reader import VersionReader

    Report = Callable[[int, int], None]


def export_hdf5(reader: VersionReader, path: str, report: Report) -> int:
    """Write one HDF5 file; give the number of arrays.

    Raises:
        UsageError: if the path exists.
        CorruptError: if a chunk is damaged; nothing is left at the path.
        StoreError: if it cannot be written.

    Durability:
        On disk when this returns.
    """
    import h5py

    def write(draft: str, source: zarr.Group, arrays: dict[str, zarr.Array[Any]]) -> None:
        with h5py.File(draft, "x") as target:
            target.attrs.update(_plain(source.attrs))
            for name, array in arrays.items():
                chunks = array.chunks if array.size and array.ndim else None
                made = target.create_dataset(name, array.shape, array.dtype, chunks=chunks)
                made.attrs.update(_plain(array.attrs))
                _fill(made, array, step)

    step = _Steps(report)
    return _export(reader, path, write, step)


def export_zarr(reader: VersionReader, path: str, report: Report) -> int:
    """Write one Zarr folder of format 3; give the number of arrays.

    Raises:
        UsageError: if the path exists.
        CorruptError: if a chunk is damaged; nothing is left at the path.
        StoreError: if it cannot be written.

    Durability:
        The folder's name is on disk when this returns; its files as far as Zarr syncs them.
    """
    import zarr

    def write(draft: str, source: zarr.Group, arrays: dict[str, zarr.Array[Any]]) -> None:
        target = zarr.open_group(draft, mode="w-", attributes=_plain(source.attrs))
        for name, array in arrays.items():
            made = target.create_array(
                name,
                shape=array.shape,
                dtype=array.dtype,
                chunks=array.chunks,
                attributes=_plain(array.attrs),
            )
            _fill(made, array, step)

    step = _Steps(report)
    return _export(reader, path, write, step)


class _Steps:
    """Counts what is written and tells how far it is."""

    def __init__(self, report: Report) -> None:
        self.total_bytes = 0
        self._done_bytes = 0
        self._report = report

    def __call__(self, count_bytes: int) -> None:
        self._done_bytes += count_bytes
        self._report(self._done_bytes, self.total_bytes)


def _export(
    reader: VersionReader,
    path: str,
    write: Callable[[str, zarr.Group, dict[str, zarr.Array[Any]]], None],
    steps: _Steps,
) -> int:
    import zarr

    target = abspath(path)
    if disk.look(target) is not None:
        raise UsageError(f"{path} exists already", remedy="name a file that does not exist")
    source = zarr.open_group(VersionStore(reader), mode="r")
    arrays = {name: array for name, array in source.members(None) if isinstance(array, zarr.Array)}
    steps.total_bytes = sum(array.nbytes for array in arrays.values())
    draft = join(dirname(target), f".dart-export-{os.urandom(6).hex()}.tmp")
    try:
        write(draft, source, arrays)
        disk.sync_tree(draft)
        disk.rename(draft, target)
    except OSError as cause:
        disk.discard(draft)
        if hasattr(cause, "kind"):
            raise
        raise store_error("write", path, cause) from cause
    except BaseException:
        disk.discard(draft)
        raise
    disk.sync_folder(dirname(target))
    return len(arrays)


def _fill(target: Any, source: zarr.Array[Any], step: _Steps) -> None:
    """Copy an array chunk by chunk."""
    for part in _parts(source.shape, source.chunks):
        piece = source[part]
        target[part] = piece
        step(getattr(piece, "nbytes", source.dtype.itemsize))


def _parts(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Cut a shape into the spans of its chunk grid; none if it has no items."""
    starts = [range(0, length, step) for length, step in zip(shape, chunks, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(at, min(at + step, length))
            for at, step, length in zip(corner, chunks, shape, strict=True)
        )


def _plain(attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(attributes).items() if value is not None}
