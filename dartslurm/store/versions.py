"""Version files as they lie in a run's folder: read one, list all, tell the newest.

Takes a run's folder; gives manifests and summaries. Keeps: the newest version is the highest by
(epoch, number), so a stale writer's late version never hides the work of the attempt that
replaced it.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import join as _join
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.errors import CorruptError, DartError, NoVersionError, UntrustedError
from dartslurm.model.version import Version
from dartslurm.store.index import read_index
from dartslurm.store.layout import (
    BODY_LIMIT_BYTES,
    PRUNED,
    PRUNED_LIMIT,
    VERSIONS,
    parse_number,
    version_path,
)
from dartslurm.store.manifest import (
    HEADER,
    TRAILER,
    Manifest,
    Summary,
    Trailer,
    decode_manifest,
    decode_trailer,
)
from dartslurm.store.records import read_record
from dartslurm.store.signature import configured_key
from dartslurm.store.trust import trust_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAIL_GUESS_BYTES = 64 << 10
_TAIL_LIMIT_BYTES = 4 * BODY_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class Listing:
    """Every version that can be read, oldest first, and those that cannot, with the reason.

    ``untrusted`` are those of the damaged ones that somebody else may have made.
    """

    summaries: list[Summary]
    damaged: dict[int, str]
    unindexed: list[Summary]
    untrusted: dict[int, UntrustedError]

    def newest_first(self) -> list[Summary]:
        """Order by (epoch, number), highest first."""
        return sorted(self.summaries, key=lambda s: (s.epoch, s.number), reverse=True)


def version_of(run_id: str, summary: Summary, meta: dict[str, Any] | None = None) -> Version:
    """Say a summary in the words of the other stations."""
    s = summary  # by position: lists of versions are long
    return Version(
        run_id, s.number, s.parent, s.attempt, s.epoch, s.time_utc, s.cause, s.place, s.bytes_new,
        s.bytes_total, s.pause_seconds, s.commit_seconds, s.node, meta or {},
    )  # fmt: skip


def file_numbers(run_path: str) -> list[int]:
    """List the numbers that have a file, lowest first, pruned or not."""
    names = disk.folder_names(_join(run_path, VERSIONS))
    return sorted(number for number in map(parse_number, names) if number)


def version_numbers(run_path: str) -> list[int]:
    """List the versions by number, lowest first; no version file is opened."""
    # The files first: what is pruned between the two reads is then missing, not there again.
    numbers = file_numbers(run_path)
    pruned = read_pruned(run_path)
    return [number for number in numbers if number not in pruned]


def next_number(run_path: str) -> int:
    """Give the lowest number that no version ever had."""
    used = (file_numbers(run_path)[-1:], read_pruned(run_path))
    return max((number for numbers in used for number in numbers), default=0) + 1


def read_pruned(run_path: str) -> frozenset[int]:
    """Give the numbers of the versions that were pruned.

    Raises:
        CorruptError: if the record is damaged: what is gone must not look as if it were there.
    """
    path = _join(run_path, PRUNED)
    fields = read_record(path, "pruned")
    if fields is None:
        return frozenset()
    try:
        spans = [(int(first), int(last)) for first, last in fields["numbers"]]
    except (KeyError, TypeError, ValueError) as cause:
        raise CorruptError(f"{path} has a wrong field: {cause!r}") from cause
    if sum(last - first + 1 for first, last in spans) > PRUNED_LIMIT:
        raise CorruptError(f"{path} names an impossible number of versions")
    return frozenset(number for first, last in spans for number in range(first, last + 1))


def spans_of(numbers: Iterable[int]) -> list[list[int]]:
    """Write numbers as ``[first, last]`` pairs."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans


def read_condemned(run_path: str) -> frozenset[str]:
    """Give the packs that the last pruning replaces by others: nothing new may refer to them."""
    fields = read_record(_join(run_path, PRUNED), "pruned") or {}
    return frozenset(name for name in fields.get("packs", ()) if isinstance(name, str))


def open_manifest(run_path: str, number: int) -> Manifest:
    """Read the manifest of a version that was not pruned; as `read_manifest`."""
    if number in read_pruned(run_path):
        raise NoVersionError(
            f"version {number} of {run_path} was pruned", remedy="list the versions with dart-log"
        )
    return read_manifest(run_path, number)


def list_versions(run_path: str) -> Listing:
    """List all versions from the index, and from their own files where it has no line."""
    indexed = read_index(run_path)
    summaries: list[Summary] = []
    damaged: dict[int, str] = {}
    unindexed: list[Summary] = []
    untrusted: dict[int, UntrustedError] = {}
    for number in version_numbers(run_path):
        summary = indexed.get(number)
        if summary is None:
            try:
                summary = read_manifest(run_path, number).summary
            except DartError as cause:
                damaged[number] = str(cause)
                if isinstance(cause, UntrustedError):
                    untrusted[number] = cause
                continue
            unindexed.append(summary)
        summaries.append(summary)
    return Listing(summaries, damaged, unindexed, untrusted)


def read_manifest(run_path: str, number: int) -> Manifest:
    """Read and check one version's manifest.

    Raises:
        NoVersionError: if there is no such version.
        CorruptError: if it is damaged.
        UntrustedError: if somebody else owns it, or it is not signed with the user's key.
    """
    path = version_path(run_path, number)
    fd = disk.open_file(path)
    if fd is None:
        raise NoVersionError(
            f"{run_path} has no version {number}", remedy="list the versions with dart-log"
        )
    try:
        about = disk.file_stat(fd, path)
        trust_file(about, path)
        head, tail, trailer = _read_ends(fd, about.st_size, path)
    finally:
        disk.close_file(fd)
    manifest = decode_manifest(head, tail, trailer, path, configured_key())
    run_id = run_path.rpartition("/")[2]
    if manifest.summary.number != number or manifest.run_id != run_id:
        raise CorruptError(
            f"{path} says it is version {manifest.summary.number} of {manifest.run_id}"
        )
    return manifest


def _read_ends(fd: int, file_bytes: int, path: str) -> tuple[bytes, memoryview, Trailer]:
    """Read the header, and body with table and trailer, usually in two calls."""
    if file_bytes < HEADER.size + TRAILER.size:
        raise CorruptError(f"{path} is too short for a version")
    head = bytearray(HEADER.size)
    disk.read_into(fd, [memoryview(head)], 0, path)
    tail = _read_tail(fd, file_bytes, min(file_bytes, _TAIL_GUESS_BYTES), path)
    trailer = decode_trailer(bytes(tail[-TRAILER.size :]), file_bytes, path)
    wanted_bytes = file_bytes - trailer.body_offset
    if wanted_bytes > _TAIL_LIMIT_BYTES:
        raise CorruptError(f"{path} has an impossible size")
    if wanted_bytes > len(tail):
        tail = _read_tail(fd, file_bytes, wanted_bytes, path)
    return bytes(head), tail[len(tail) - wanted_bytes :], trailer


def _read_tail(fd: int, file_bytes: int, wanted_bytes: int, path: str) -> memoryview:
    tail = memoryview(bytearray(wanted_bytes))
    disk.read_into(fd, [tail], file_bytes - wanted_bytes, path)
    return tail
