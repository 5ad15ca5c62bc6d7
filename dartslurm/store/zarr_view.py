"""The read-only Zarr view of one version: every array under its frame and variable.

Takes a run and a version; gives a ``zarr.abc.store.Store``. Keeps: the metadata is made up from
the manifest, chunks are served from the packs, verified, and nothing is unpickled. This module
imports zarr; the program under capture never imports this module.

A leaf is shown with its true shape and dtype. Dtypes that Zarr has no name for (dates, texts,
records) are shown as bytes, with one more axis for the bytes of an item; their own dtype is an
attribute.

Source:
    Zarr v3 core specification; codecs ``bytes`` and ``transpose``.
"""

from __future__ import annotations

import asyncio
import os
from os.path import abspath, dirname
from typing import TYPE_CHECKING

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import default_buffer_prototype

from dartslurm.errors import StoreError
from dartslurm.model.place import store_path
from dartslurm.store.repository import Repository, Run
from dartslurm.store.zarr_nodes import ArrayView, chunk_keys, name_arrays, write_documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from zarr.core.buffer import Buffer, BufferPrototype

    from dartslurm.store.reader import VersionReader


def open_store(run: Run, version: int | None = None) -> VersionStore:
    """Show a version, or the newest whole one, to Zarr.

    Raises:
        NoVersionError: if there is none.
        CorruptError: if its manifest is damaged.
    """
    return VersionStore(run.reader(version))


def show_version(name: str | None, version: int | None, store: str | None) -> VersionStore:
    """Find a run as people name it, and show a version of it; see `dartslurm.store`."""
    run_id, at, number = (name or "").partition("@")
    if at and version is None:
        version = int(number) if number.isdecimal() else 0
    folder = run_id.rstrip("/")
    if "/" in folder:
        store, run_id = dirname(dirname(abspath(folder))), folder.rpartition("/")[2]
    repository = Repository.open(store_path(store, os.environ))
    run_id = run_id or next(iter(repository.runs()), "")
    return open_store(repository.run(run_id), version)


class VersionStore(Store):
    """One version as a read-only Zarr store."""

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, reader: VersionReader) -> None:
        super().__init__(read_only=True)
        self._reader = reader
        self._arrays = name_arrays(reader.manifest)
        self._documents = write_documents(reader.version, self._arrays)
        self._is_open = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionStore) and other._reader is self._reader

    def __hash__(self) -> int:
        return id(self._reader)

    def __str__(self) -> str:
        version = self._reader.version
        return f"dart://{version.run_id}/{version.number}"

    def close(self) -> None:
        """Close the files."""
        self._reader.close()
        super().close()

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Give a metadata document or a chunk."""
        content: bytes | None = self._documents.get(key)
        if content is None:
            content = await asyncio.to_thread(self._chunk, key)
        if content is None:
            return None
        buffer = (prototype or default_buffer_prototype()).buffer
        return buffer.from_bytes(_slice(content, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Give pieces of several keys."""
        return [await self.get(key, prototype, piece) for key, piece in key_ranges]

    async def exists(self, key: str) -> bool:
        """Tell whether there is such a document or chunk."""
        return key in self._documents or self._find(key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse: versions never change."""
        raise _read_only(key)

    async def delete(self, key: str) -> None:
        """Refuse: versions never change."""
        raise _read_only(key)

    def _keys(self, prefix: str = "") -> Iterator[str]:
        yield from (key for key in self._documents if key.startswith(prefix))
        for path, array in self._arrays.items():
            if f"{path}/c".startswith(prefix) or prefix.startswith(f"{path}/"):
                yield from (key for key in chunk_keys(path, array) if key.startswith(prefix))

    def _find(self, key: str) -> tuple[ArrayView, int] | None:
        """Find the array and the chunk's row that a key means."""
        path, _, position = f"{key}/".rpartition("/c/")
        array = self._arrays.get(path)
        parts = position.strip("/").split("/") if position.strip("/") else []
        if array is None or len(parts) != len(array.grid) or not all(map(str.isdecimal, parts)):
            return None
        number = array.row_number(tuple(map(int, parts)))
        if number is None or (not array.leaf.count):
            return None
        return array, number

    def _chunk(self, key: str) -> bytes | None:
        found = self._find(key)
        if found is None:
            return None
        array, number = found
        if array.counts is None:
            return bytes(self._reader.leaf(array.index))
        row = self._reader.manifest.rows[array.leaf.first + number]
        content = self._reader.chunk(row, f"leaf {array.leaf.path!r}")
        # A chunk is one piece of memory and is cut along one axis, so padding goes to its end.
        return content + bytes(array.chunk_bytes - len(content))

    async def list(self) -> AsyncIterator[str]:
        """Name every key."""
        for key in self._keys():
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Name every key that begins so."""
        for key in self._keys():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Name what lies directly in a folder."""
        above = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
        names = {key[len(above) :].split("/", 1)[0] for key in self._keys(above)}
        for name in sorted(names):
            yield name


def _slice(content: bytes, piece: ByteRequest | None) -> bytes:
    if isinstance(piece, RangeByteRequest):
        return content[piece.start : piece.end]
    if isinstance(piece, OffsetByteRequest):
        return content[piece.offset :]
    if isinstance(piece, SuffixByteRequest):
        return content[-piece.suffix :] if piece.suffix else b""
    return content


def _read_only(key: str) -> StoreError:
    return StoreError(
        f"cannot change {key}: versions are read-only",
        kind="store-read-only",
        remedy="copy the array to a store of your own",
    )
