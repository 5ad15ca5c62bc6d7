"""Verify: read everything a run has, and say exactly what is damaged and what that touches.

Takes a run; gives a `Verdict`. Keeps: every file that a version needs is read to its last byte,
each chunk once however many versions hold it; a damaged piece never hides another one. Nothing
is changed, so it may run while a job writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import join as _join
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import CorruptError, DartError, NoVersionError, StoreError
from dartslurm.store.chunks import digest
from dartslurm.store.codec import decode_chunk
from dartslurm.store.layout import (
    EPOCHS,
    FINISHED,
    RUN_RECORD,
    container_path,
    epoch_path,
    is_pack,
    parse_number,
)
from dartslurm.store.manifest import PACK_HEADER, SELF, Manifest, Row
from dartslurm.store.reader import check_seal, group_rows
from dartslurm.store.records import read_record
from dartslurm.store.versions import read_manifest, version_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dartslurm.store.repository import Run

    Report = Callable[[int, int], None]
    Container = str | int


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged piece: the file, why, and what it takes with it.

    ``digest`` names the chunk, and is empty for a file that is no container of chunks.
    """

    path: str
    reason: str
    digest: str = ""
    versions: tuple[int, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """What a run holds and what of it is whole."""

    run_id: str
    versions: list[int] = field(default_factory=list)
    chunks: int = 0
    bytes_read: int = 0
    damages: list[Damage] = field(default_factory=list)
    newest_whole: int | None = None
    is_trusted: bool = True


def verify_run(run: Run, report: Report) -> Verdict:
    """Read a run whole.

    Raises:
        UntrustedError: if a file of it belongs to somebody else, or is not signed with the key.
    """
    verdict = Verdict(run.record.run_id)
    verdict.damages += _check_records(run.path)
    chunks: dict[Container, dict[int, Row]] = {}
    order: list[tuple[int, int]] = []
    for number in version_numbers(run.path):
        verdict.versions.append(number)
        manifest = _manifest(run.path, number, verdict)
        if manifest is not None:
            order.append((manifest.summary.epoch, number))
            for row in manifest.rows:
                chunks.setdefault(_container(manifest, row), {})[row.offset] = row
    bad = _check_containers(run.path, chunks, verdict, report)
    broken = _attribute(run.path, bad, verdict)
    unreadable = {number for damage in verdict.damages for number in damage.versions}
    whole = [pair for pair in order if pair[1] not in broken | unreadable]
    verdict.newest_whole = max(whole)[1] if whole else None
    return verdict


def _manifest(run_path: str, number: int, verdict: Verdict) -> Manifest | None:
    try:
        return read_manifest(run_path, number)
    except NoVersionError:  # pruned a moment ago
        verdict.versions.remove(number)
    except (CorruptError, StoreError) as cause:
        path = container_path(run_path, number)
        verdict.damages.append(Damage(path, cause.message, versions=(number,)))
    return None


def _container(manifest: Manifest, row: Row) -> Container:
    name = manifest.containers[row.container]
    return manifest.summary.number if name == SELF else name


def _check_records(run_path: str) -> list[Damage]:
    """Read every sealed record; each is checked by its own seal."""
    records = [(_join(run_path, RUN_RECORD), "run"), (_join(run_path, FINISHED), "finished")]
    for name in sorted(disk.folder_names(_join(run_path, EPOCHS))):
        number = parse_number(name.removesuffix(".end"))
        if number is not None:
            path = epoch_path(run_path, number)
            records.append((f"{path}.end", "end") if name.endswith(".end") else (path, "claim"))
    damages = []
    for path, kind in records:
        try:
            read_record(path, kind)
        except (CorruptError, StoreError) as cause:
            damages.append(Damage(path, cause.message))
    return damages


def _check_containers(
    run_path: str,
    chunks: dict[Container, dict[int, Row]],
    verdict: Verdict,
    report: Report,
) -> dict[tuple[Container, int], str]:
    """Read every container in the order of its bytes; give the damaged chunks with the reason."""
    total = sum(row.stored_bytes for rows in chunks.values() for row in rows.values())
    bad: dict[tuple[Container, int], str] = {}
    for container in sorted(chunks, key=str):
        rows = [chunks[container][offset] for offset in sorted(chunks[container])]
        path = container_path(run_path, container)
        for row, reason in _check_file(path, container, rows):
            if reason:
                bad[container, row.offset] = reason
            verdict.chunks += 1
            verdict.bytes_read += row.stored_bytes
            report(verdict.bytes_read, total)
        if is_pack(str(container)) and not _begins_well(path):
            verdict.damages.append(Damage(path, "does not begin like a pack"))
    return bad


def _begins_well(path: str) -> bool:
    fd = disk.open_file(path)
    if fd is None:
        return True  # its chunks have said so
    head = bytearray(len(PACK_HEADER))
    try:
        disk.read_into(fd, [memoryview(head)], 0, path)
    except DartError:
        return False
    finally:
        disk.close_file(fd)
    return head == PACK_HEADER


def _check_file(path: str, container: Container, rows: list[Row]) -> Iterable[tuple[Row, str]]:
    fd = disk.open_file(path)
    if fd is None:
        yield from ((row, "the file is missing") for row in rows)
        return
    try:
        for group in group_rows([row._replace(container=0) for row in rows]):
            reason = _check(fd, path, group)
            if reason and len(group) > 1:
                yield from ((row, _check(fd, path, [row])) for row in group)
            else:
                yield from ((row, reason) for row in group)
    finally:
        disk.close_file(fd)


def _check(fd: int, path: str, group: list[Row]) -> str:
    """Say what is wrong with neighbouring chunks; nothing if they are whole."""
    stored = memoryview(bytearray(sum(row.stored_bytes for row in group)))
    try:
        disk.read_into(fd, [stored], group[0].offset, path)
        start = 0
        for row in group:
            piece = stored[start : start + row.stored_bytes]
            start += row.stored_bytes
            check_seal(row, piece, path)
            if digest(decode_chunk(piece, row.codec, row.size_bytes, path)) != row.digest:
                return "does not match its checksum"
    except (CorruptError, StoreError) as cause:
        return cause.message
    return ""


def _attribute(run_path: str, bad: dict[tuple[Container, int], str], verdict: Verdict) -> set[int]:
    """Find the versions and variables of the damaged chunks; give the versions that are broken."""
    if not bad:
        return set()
    touched: dict[tuple[Container, int], tuple[Row, list[int], dict[str, None]]] = {}
    for number in verdict.versions:
        try:
            manifest = read_manifest(run_path, number)
        except DartError:
            continue
        for name, first, count in _parts(manifest):
            for row in manifest.rows[first : first + count]:
                key = _container(manifest, row), row.offset
                if key in bad:
                    _, versions, names = touched.setdefault(key, (row, [], {}))
                    names[name] = None
                    if versions[-1:] != [number]:
                        versions.append(number)
    for (container, offset), (row, versions, names) in touched.items():
        path = container_path(run_path, container)
        place = f"{row.stored_bytes} bytes at {offset}: {bad[container, offset]}"
        damage = Damage(path, place, row.digest.hex(), tuple(versions), tuple(names))
        verdict.damages.append(damage)
    return {number for _, versions, _ in touched.values() for number in versions}


def _parts(manifest: Manifest) -> list[tuple[str, int, int]]:
    streams = [(f"stream {s.name}", s.first, s.count) for s in manifest.streams]
    return streams + [(leaf.path, leaf.first, leaf.count) for leaf in manifest.leaves]
