"""A version in the making: which chunks are new, where each lies, and the manifest of it all.

Takes a `StagedVersion` and the places of chunks that are stored already; gives the bytes to write
and the manifest. Keeps: a chunk is written once, however often the state holds it, and no chunk
is joined with another in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dartslurm.errors import InternalError, NotYetError
from dartslurm.store.chunks import digest
from dartslurm.store.codec import Codec, choose_codec, encode_chunk, item_bytes
from dartslurm.store.layout import BULK_BYTES, CHUNK_LIMIT_BYTES, PAGE_BYTES
from dartslurm.store.manifest import (
    SELF,
    LeafEntry,
    Manifest,
    Row,
    StreamEntry,
    Summary,
    encode_manifest,
)
from dartslurm.store.signature import configured_key, seal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dartslurm.model.parts import StagedChunk, StagedLeaf, StagedVersion


_PLACED_BYTES = 256 << 10
"""Smaller chunks lie one after another: a page for each would be too much."""


class Place(NamedTuple):
    """Where a chunk's stored bytes lie; ``container`` is a pack's name or a version's number."""

    container: str | int
    codec: int
    offset: int
    stored_bytes: int
    size_bytes: int
    seal: bytes = b""

    @classmethod
    def of(cls, row: Row, manifest: Manifest) -> Place:
        """Tell a row's place from outside its version."""
        container = manifest.containers[row.container]
        if container == SELF:
            container = manifest.summary.number
        return cls(container, *row[2:])


class Recent:
    """The chunks that a writer may refer to: those of the last two versions it acknowledged.

    Older ones may be pruned while it writes. Two versions and not one, because the next one may
    be staged while the last one is being written.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[int, dict[bytes, Place]], ...] = ()
        self.digests: frozenset[bytes] = frozenset()
        """Of all of them: asked for every chunk of the state, also by another thread."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The versions, oldest first."""
        return tuple(number for number, _ in self._kept)

    def add(self, number: int, places: dict[bytes, Place]) -> None:
        """Take over a version's chunks and forget those of the one before the last."""
        self._kept = (*self._kept[-1:], (number, places))
        self.digests = frozenset().union(*(places for _, places in self._kept))

    def places(self) -> dict[bytes, Place]:
        """Where each chunk lies."""
        return {digest: place for _, places in self._kept for digest, place in places.items()}

    def containers(self) -> set[str | int]:
        """Name every file that holds one of the chunks."""
        return {place.container for place in self.places().values()}


class Draft:
    """One commit before it has a name. ``inline`` is what precedes the manifest in its file."""

    def __init__(self, staged: StagedVersion, stored: Mapping[bytes, Place]) -> None:
        self.pack: str | None = None
        self.linked: set[str] = set()
        self.inline: list[bytes | memoryview] = []
        self.bytes_new = 0
        self.bytes_stored = 0
        self._staged = staged
        self._stored = stored
        self._key = configured_key()
        self._fresh: dict[bytes, Place] = {}
        self._used: dict[bytes, Place] = {}
        self._waiting: list[tuple[StagedChunk, Codec, int, int]] = []
        seen: set[bytes] = set()
        for chunks in staged.streams.values():
            self._take_in(chunks, "|O", seen)
        for leaf in staged.leaves:
            self._take_in(leaf.chunks, leaf.dtype, seen)

    def _take_in(self, chunks: list[StagedChunk], dtype: str, seen: set[bytes]) -> None:
        codec: Codec | None = None
        following = 0
        for chunk in chunks:
            position, following = following, following + chunk.size_bytes
            if chunk.digest in seen or chunk.digest in self._stored:
                continue
            if chunk.data is None or chunk.size_bytes > CHUNK_LIMIT_BYTES:
                raise InternalError(
                    f"chunk {chunk.digest.hex()} ({chunk.size_bytes} bytes) cannot be stored: "
                    "its bytes are missing or too many",
                    remedy="please report this",
                )
            seen.add(chunk.digest)
            if codec is None:
                codec = choose_codec(chunk.data, dtype)
            self.bytes_new += chunk.size_bytes
            self._waiting.append((chunk, codec, item_bytes(dtype), position))

    @property
    def bulk_threads(self) -> int:
        """How many threads should write the new chunks past the page cache; 0: none, not past it.

        More than one only while the program waits.
        """
        if self.bytes_new < BULK_BYTES:
            return 0
        return 2 if self._staged.is_live else 1

    def store(self, header: bytes, container: str) -> Iterator[bytes | memoryview]:
        """Give the bytes of a container one by one, and note where each chunk comes to lie.

        In a bulk one a large chunk lies as far into a page of the file as it does into one of its
        array, whose memory begins with a page when it is read: so a disk can write right there.
        """
        yield header
        offset = len(header)
        for chunk, wanted, number_bytes, position in self._waiting:
            stored, codec = encode_chunk(chunk.data or b"", wanted, number_bytes)
            if self.bulk_threads and codec is Codec.NONE and chunk.size_bytes >= _PLACED_BYTES:
                gap_bytes = (position - offset) % PAGE_BYTES
                yield bytes(gap_bytes)
                offset += gap_bytes
            stored_bytes = memoryview(stored).nbytes
            seal = b"" if self._key is None else seal_of(stored)
            self._fresh[chunk.digest] = Place(
                container, codec, offset, stored_bytes, chunk.size_bytes, seal
            )
            yield stored
            offset += stored_bytes
        self.bytes_stored = offset - len(header)

    def check_live(self) -> None:
        """Look whether the program's own memory is still what the chunks written from it say.

        Raises:
            NotYetError: if a thread that nobody can stop has written there meanwhile.
        """
        for chunk, *_ in self._waiting:
            if chunk.is_live and digest(chunk.data or b"") != chunk.digest:
                raise NotYetError(
                    f"{chunk.size_bytes} bytes of the program changed while they were written"
                )

    def manifest(self, run_id: str, summary: Summary, recent: tuple[int, ...]) -> Manifest:
        """Describe the version under a number."""
        containers: dict[str | int, int] = {}
        rows: list[Row] = []
        streams = [
            StreamEntry(name, *self._add_rows(chunks, rows, containers))
            for name, chunks in self._staged.streams.items()
        ]
        leaves = [
            self._leaf(leaf, *self._add_rows(leaf.chunks, rows, containers))
            for leaf in self._staged.leaves
        ]
        meta = self._staged.meta
        return Manifest(run_id, summary, list(containers), streams, leaves, rows, meta, recent)

    def places(self, number: int) -> dict[bytes, Place]:
        """Where each chunk of the version lies, now that it has this number."""
        own = {
            digest: place._replace(container=number)
            for digest, place in self._fresh.items()
            if place.container == SELF
        }
        return {**self._used, **own}

    def version_file(self, manifest: Manifest) -> list[bytes | memoryview]:
        """Give the bytes of the version file."""
        offset = sum(memoryview(piece).nbytes for piece in self.inline)
        return [*self.inline, *encode_manifest(manifest, offset, self._key)]

    def _add_rows(
        self, chunks: list[StagedChunk], rows: list[Row], containers: dict[str | int, int]
    ) -> tuple[int, int]:
        first = len(rows)
        for chunk in chunks:
            place = self._fresh.get(chunk.digest) or self._stored[chunk.digest]
            self._used[chunk.digest] = place
            index = containers.setdefault(place.container, len(containers))
            rows.append(Row(chunk.digest, index, *place[1:]))
        return first, len(chunks)

    def _leaf(self, leaf: StagedLeaf, first: int, count: int) -> LeafEntry:
        return LeafEntry(
            leaf.path, leaf.dtype, leaf.shape, leaf.order, leaf.chunk_shape, first, count
        )
