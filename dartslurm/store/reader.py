"""Reading one version: streams and leaves, every byte verified.

Takes a manifest; gives bytes. Keeps: nothing is returned that does not match its digest, and
nothing is unpickled here.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.bulk import together
from dartslurm.errors import CorruptError, DartError, NoVersionError, StoreError, UntrustedError
from dartslurm.interpreter.objects import unfilled
from dartslurm.store.chunks import digest
from dartslurm.store.codec import Codec, decode_chunk
from dartslurm.store.layout import container_path
from dartslurm.store.manifest import SELF, LeafEntry, Manifest, Row
from dartslurm.store.signature import seal_of
from dartslurm.store.trust import trust_file
from dartslurm.store.versions import list_versions, read_manifest, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

    from dartslurm.model.version import Version

_THREADS = 8
_GATHER_BYTES = 8 << 20
"""Neighbouring chunks are read together up to here, and verified while they are in the cache."""


class VersionReader:
    """One version, open for reading. ``skipped`` tells which newer ones were damaged, and how."""

    version: Version
    meta: dict[str, Any]

    def __init__(self, run_path: str, manifest: Manifest, skipped: dict[int, str]) -> None:
        self.manifest = manifest
        self.version = version_of(manifest.run_id, manifest.summary, manifest.meta)
        self.meta = manifest.meta
        self.skipped = skipped
        self._run_path = run_path
        self._files: dict[int, int] = {}
        self._kept: dict[tuple[int, int], bytearray] = {}
        self._opening = Lock()

    def stream(self, name: str) -> bytes:
        """Give a stream's bytes.

        Raises:
            CorruptError: if a chunk is missing or damaged.
            NoVersionError: if the version has no such stream.
        """
        for entry in self.manifest.streams:
            if entry.name == name:
                return bytes(self._take(entry.first, entry.count, f"stream {name!r}"))
        raise NoVersionError(
            f"version {self.version.number} has no stream {name!r}", remedy="choose another version"
        )

    def leaf_count(self) -> int:
        """Count the leaves."""
        return len(self.manifest.leaves)

    def leaf(self, index: int) -> bytearray:
        """Give a leaf's memory, writable.

        Raises:
            CorruptError: if a chunk is missing or damaged, naming the variable.
        """
        entry = self.manifest.leaves[index]
        return self._take(entry.first, entry.count, _named(entry))

    def chunk(self, row: Row, place: str) -> bytes:
        """Give one chunk's own bytes."""
        target = bytearray(row.size_bytes)
        self._fill([row], memoryview(target), place)
        return bytes(target)

    def check(self) -> None:
        """Read and verify everything, keeping nothing.

        Raises:
            CorruptError: for the first damaged chunk.
        """
        size_bytes = max((row.size_bytes for row in self.manifest.rows), default=0)
        room = memoryview(bytearray(max(size_bytes, _GATHER_BYTES)))
        seen: set[bytes] = set()
        for place, first, count in self._parts():
            rows = self.manifest.rows[first : first + count]
            fresh = [row for row in rows if row.digest not in seen]
            seen.update(row.digest for row in fresh)
            for group in group_rows(fresh):
                self._fill(group, room[: sum(row.size_bytes for row in group)], place)

    def read_ahead(self) -> None:
        """Read and verify everything in several threads, and keep it until it is asked for.

        Raises:
            CorruptError: for the first damaged chunk.
            StoreError: if there is not the memory for it.
        """
        jobs: list[Callable[[], None]] = []
        for place, first, count in self._parts():
            rows = self.manifest.rows[first : first + count]
            target = self._kept[first, count] = _memory(rows, place)
            jobs += self._jobs(rows, target, place)
        try:
            together(jobs, _THREADS)
        except BaseException:
            self._kept.clear()
            raise

    def close(self) -> None:
        """Close the files; safe to call twice."""
        self._kept.clear()
        while self._files:
            disk.close_file(self._files.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # the interpreter would print it among what the program prints
            return

    def _parts(self) -> list[tuple[str, int, int]]:
        streams = [(f"stream {s.name!r}", s.first, s.count) for s in self.manifest.streams]
        return streams + [(_named(leaf), leaf.first, leaf.count) for leaf in self.manifest.leaves]

    def _take(self, first: int, count: int, place: str) -> bytearray:
        kept = self._kept.pop((first, count), None)
        if kept is not None:
            return kept
        rows = self.manifest.rows[first : first + count]
        target = _memory(rows, place)
        for job in self._jobs(rows, target, place):
            job()
        return target

    def _jobs(self, rows: list[Row], target: bytearray, place: str) -> list[Callable[[], None]]:
        """Return what fills ``target``, in pieces that any thread may do."""
        view = memoryview(target)
        jobs: list[Callable[[], None]] = []
        for group in group_rows(rows):
            size_bytes = sum(row.size_bytes for row in group)
            jobs.append(partial(self._fill, group, view[:size_bytes], place))
            view = view[size_bytes:]
        return jobs

    def _fill(self, group: list[Row], view: memoryview, place: str) -> None:
        """Read one group of neighbours into the view and verify each chunk."""
        first = group[0]
        place = f"{place} of version {self.version.number}"
        fd, path = self._file(first.container, place)
        if first.codec == Codec.NONE:
            disk.read_bulk(fd, view, first.offset, path)
        else:
            stored = bytearray(first.stored_bytes)
            disk.read_into(fd, [memoryview(stored)], first.offset, path)
            check_seal(first, stored, place)
            view[:] = decode_chunk(memoryview(stored), first.codec, first.size_bytes, place)
        start = 0
        for row in group:
            piece = view[start : start + row.size_bytes]
            if row.codec == Codec.NONE:
                check_seal(row, piece, place)
            if digest(piece) != row.digest:
                raise CorruptError(
                    f"{place} is damaged: {row.size_bytes} bytes at {row.offset} of {path}",
                    remedy="resume from another version with --at",
                )
            start += row.size_bytes

    def _file(self, container: int, place: str) -> tuple[int, str]:
        name = self.manifest.containers[container]
        path = container_path(self._run_path, self.version.number if name == SELF else name)
        with self._opening:
            fd = self._files.get(container)
            if fd is None:
                fd = disk.open_file(path)
                if fd is None:
                    raise CorruptError(
                        f"{place} is incomplete: {path} is missing",
                        kind="missing",
                        remedy="resume from another version with --at",
                    )
                self._files[container] = fd
                trust_file(disk.file_stat(fd, path), path)
            return fd, path


def check_seal(row: Row, stored: bytes | bytearray | memoryview, place: str) -> None:
    """Compare a chunk as stored with its seal, before anything decodes it; none without a key.

    Raises:
        CorruptError: if it is another one.
    """
    if row.seal and seal_of(stored) != row.seal:
        raise CorruptError(
            f"{place} is damaged: {row.stored_bytes} bytes are not those that were signed",
            remedy="resume from another version with --at",
        )


def check_rows(path: str, rows: list[Row]) -> None:
    """Read chunks of one file and keep nothing.

    Raises:
        CorruptError: if one is missing or damaged.
    """
    for row in rows:
        read_stored(path, row)


def read_stored(path: str, row: Row) -> bytes:
    """Give a chunk as it is stored, verified.

    Raises:
        CorruptError: if it is missing or damaged.
    """
    fd = disk.open_file(path)
    if fd is None:
        raise CorruptError(f"{path} is missing", kind="missing", remedy="run dart-verify")
    stored = bytearray(row.stored_bytes)
    try:
        disk.read_into(fd, [memoryview(stored)], row.offset, path)
    finally:
        disk.close_file(fd)
    check_seal(row, stored, path)
    if digest(decode_chunk(memoryview(stored), row.codec, row.size_bytes, path)) != row.digest:
        raise CorruptError(
            f"{row.stored_bytes} bytes at {row.offset} of {path} are damaged",
            remedy="run dart-verify",
        )
    return bytes(stored)


def open_newest(run_path: str, *, ahead: bool = False) -> VersionReader:
    """Open the newest version that is whole, reading all of it once.

    With ``ahead`` what was read is kept, where memory allows, and is not read again.

    Raises:
        NoVersionError: if there is none at all.
        CorruptError: if there are some and each is damaged.
        UntrustedError: if one that might be the newest is not to be trusted.
    """
    listing = list_versions(run_path)
    highest = max((summary.number for summary in listing.summaries), default=0)
    for number, cause in listing.untrusted.items():
        if number > highest:
            raise cause
    skipped = dict(listing.damaged)
    for summary in listing.newest_first():
        reader = None
        try:
            reader = VersionReader(run_path, read_manifest(run_path, summary.number), skipped)
            _verify(reader, ahead=ahead)
            return reader
        except UntrustedError:
            raise
        except DartError as cause:
            skipped[summary.number] = str(cause)
            if reader is not None:
                reader.close()
    if not skipped:
        raise NoVersionError(f"{run_path} has no committed version", remedy="start it anew")
    raise CorruptError(f"{run_path} has no whole version: {skipped}", remedy="start it anew")


def _verify(reader: VersionReader, *, ahead: bool) -> None:
    if ahead:
        try:
            reader.read_ahead()
            return
        except StoreError as error:
            if error.kind != "store-memory":
                raise
    reader.check()


def _memory(rows: list[Row], place: str) -> bytearray:
    total_bytes = sum(row.size_bytes for row in rows)
    try:
        return unfilled(total_bytes)
    except MemoryError as cause:
        raise StoreError(
            f"{place} needs {total_bytes} bytes of memory",
            kind="store-memory",
            remedy="ask for more memory",
        ) from cause


def _named(leaf: LeafEntry) -> str:
    return f"leaf {leaf.path!r}"


def group_rows(rows: list[Row]) -> list[list[Row]]:
    """Join neighbours that lie one after another uncompressed; any other chunk stands alone."""
    groups: list[list[Row]] = []
    size_bytes = 0
    for row in rows:
        if (
            groups
            and size_bytes + row.size_bytes <= _GATHER_BYTES
            and _follows(groups[-1][-1], row)
        ):
            groups[-1].append(row)
            size_bytes += row.size_bytes
        else:
            groups.append([row])
            size_bytes = row.size_bytes
    return groups


def _follows(before: Row, row: Row) -> bool:
    return (
        row.codec == before.codec == Codec.NONE
        and row.container == before.container
        and row.offset == before.offset + before.stored_bytes
    )
