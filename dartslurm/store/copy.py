"""Copying a run to another store: another file system, another cluster through a mounted path.

Takes a run and a store; gives the same run there, under the same name and numbers. Keeps: what the
other store has already is not copied again; a version is visible there only when every byte it
refers to is there, durable and verified; a copy that was cut off goes on where it stopped.

Order, as for a commit: packs, their folder, version files in the order of their numbers, their
folder, and that also before a version whose chunks lie in another version's file. What else a
resume needs (records, claims, kept outputs, the journal) comes before the first version is visible
and is brought up to date at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import dirname as _dirname
from os.path import join as _join
from stat import S_ISDIR
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import ConflictError, CorruptError, DartError, StoreError
from dartslurm.store.layout import (
    EPOCHS,
    FINISHED,
    INDEX,
    PACKS,
    PRUNED,
    PRUNING,
    RESERVE,
    RESERVE_BYTES,
    RUN_RECORD,
    RUNS,
    VERSIONS,
    container_path,
    new_draft,
    number_name,
    parse_number,
    version_path,
)
from dartslurm.store.reachable import container_of
from dartslurm.store.reader import check_rows
from dartslurm.store.records import encode_record
from dartslurm.store.versions import read_manifest, read_pruned, spans_of, version_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dartslurm.store.manifest import Manifest, Row
    from dartslurm.store.repository import Repository, Run

    Container = str | int
    Report = Callable[[int, int], None]

_PIECE_BYTES = 4 << 20
_FIRST = {EPOCHS, VERSIONS, PACKS, RUN_RECORD, RESERVE, INDEX, PRUNED, PRUNING}
"""What the copy makes itself, or what belongs to the one place."""


@dataclass(slots=True)
class Copied:
    """What a copy brought, and which versions could not be copied because they are damaged."""

    run_id: str
    versions: list[int] = field(default_factory=list)
    had: int = 0
    files: int = 0
    bytes_copied: int = 0
    damaged: dict[int, str] = field(default_factory=dict)


def copy_run(run: Run, target: Repository, report: Report) -> Copied:
    """Bring a run, or what is missing of it, to another store.

    Raises:
        ConflictError: if the other store has another run of that name, or its copy was resumed.
        StoreError: if the other store refuses; what has been copied serves the next try.

    Durability:
        Everything, when this returns.
    """
    path = _join(target.root, RUNS, run.record.run_id)
    copied = Copied(run.record.run_id)
    _make_run(run, path)
    _copy_claims(run.path, path)
    wanted = _wanted(run.path, path, copied)
    _copy_hidden(run.path, path, wanted)
    _copy_versions(run.path, path, wanted, copied, report)
    _copy_rest(run.path, path)
    return copied


def _make_run(run: Run, path: str) -> None:
    """Make the run's folder, or see that it is the same run's."""
    if disk.look(path) is None:
        disk.make_folder(path)
    for name in (EPOCHS, VERSIONS, PACKS):
        disk.make_folder(_join(path, name))
    record = _join(path, RUN_RECORD)
    ours = disk.read_file(_join(run.path, RUN_RECORD), _PIECE_BYTES) or b""
    theirs = disk.read_file(record, _PIECE_BYTES)
    if theirs is None:
        if disk.look(_join(path, RESERVE)) is None:
            disk.write_new(_join(path, RESERVE), [bytes(RESERVE_BYTES)])
        disk.replace_file(record, ours)
    elif theirs != ours:
        raise ConflictError(f"{path} is another run", remedy="copy to another store")
    for folder in (path, _dirname(path)):  # also names that a copy which was killed has given
        disk.sync_folder(folder)


def _copy_claims(source: str, path: str) -> None:
    """Bring the claims: the next attempt there needs a higher epoch than all that published."""
    for name in sorted(disk.folder_names(_join(source, EPOCHS))):
        if parse_number(name.removesuffix(".end")) is None:
            continue
        target = _join(path, EPOCHS, name)
        if disk.look(target) is None:
            content = disk.read_file(_join(source, EPOCHS, name), _PIECE_BYTES)
            if content is not None:
                disk.replace_file(target, content)
    disk.sync_folder(_join(path, EPOCHS))


def _wanted(source: str, path: str, copied: Copied) -> list[Manifest]:
    """Choose the versions that the other store lacks.

    Raises:
        ConflictError: if it has another version under a number of ours.
    """
    there = set(version_numbers(path))
    wanted = []
    for number in version_numbers(source):
        try:
            manifest = read_manifest(source, number)
        except DartError as cause:
            copied.damaged[number] = str(cause)
            continue
        if number not in there:
            wanted.append(manifest)
            continue
        theirs = read_manifest(path, number)
        if (theirs.summary, theirs.meta) != (manifest.summary, manifest.meta):
            raise ConflictError(
                f"{path} has another version {number}: the copy was resumed",
                remedy="copy to another store",
            )
        copied.had += 1
    return wanted


def _copy_versions(
    source: str, path: str, wanted: list[Manifest], copied: Copied, report: Report
) -> None:
    """Copy container after container; a version gets its name when all of its own are there."""
    rows = _rows_of(wanted)
    lacking = {c: _size(source, c) for c in rows if isinstance(c, str) and not _has(path, c)}
    total = sum(lacking.values()) + sum(_size(source, m.summary.number) for m in wanted)
    disk.sync_folder(_join(path, VERSIONS))  # what is there may be from a copy that was killed
    named: set[Container] = set()
    for manifest in wanted:
        number = manifest.summary.number
        names = sorted({str(c) for c in _containers(manifest) if isinstance(c, str)})
        try:
            for name in names:
                if name in lacking:
                    _copy_pack(source, path, name, rows[name])
                    copied.bytes_copied += lacking.pop(name)
                    copied.files += 1
            _refuse_without_inline(path, manifest)
            disk.sync_folder(_join(path, PACKS))
            if named & _containers(manifest):
                disk.sync_folder(_join(path, VERSIONS))
                named.clear()
            _copy_version(source, path, manifest)
        except CorruptError as cause:
            copied.damaged[number] = str(cause)
            continue
        named.add(number)
        copied.versions.append(number)
        copied.files += 1
        copied.bytes_copied += _size(path, number)
        report(copied.bytes_copied, total)
    disk.sync_folder(_join(path, VERSIONS))


def _containers(manifest: Manifest) -> set[Container]:
    return {container_of(manifest, row) for row in manifest.rows}


def _rows_of(manifests: list[Manifest]) -> dict[Container, dict[int, Row]]:
    found: dict[Container, dict[int, Row]] = {}
    for manifest in manifests:
        for row in manifest.rows:
            found.setdefault(container_of(manifest, row), {})[row.offset] = row
    return found


def _size(run_path: str, container: Container) -> int:
    about = disk.look(container_path(run_path, container))
    return about.st_size if about is not None else 0


def _has(run_path: str, container: Container) -> bool:
    return disk.look(container_path(run_path, container)) is not None


def _copy_hidden(source: str, path: str, wanted: list[Manifest]) -> None:
    """Bring the files of pruned versions whose chunks are still used; first that they are gone."""
    visible = {*version_numbers(source), *version_numbers(path)}
    gone = {c for m in wanted for c in _containers(m) if isinstance(c, int)} - visible
    if not gone:
        return
    fields = {"numbers": spans_of(gone | read_pruned(path)), "packs": []}
    disk.replace_file(_join(path, PRUNED), encode_record("pruned", fields))
    for number in sorted(gone):
        if _has(source, number) and not _has(path, number):
            _copy_file(version_path(source, number), path, VERSIONS, number_name(number))


def _refuse_without_inline(path: str, manifest: Manifest) -> None:
    """A version whose small chunks lie in one that could not be copied cannot be copied either."""
    for number in sorted(c for c in _containers(manifest) if isinstance(c, int)):
        if number != manifest.summary.number and not _has(path, number):
            raise CorruptError(f"it needs version {number}", kind="missing")


def _copy_pack(source: str, path: str, name: str, rows: dict[int, Row]) -> None:
    """Copy a pack under a draft's name, verify what is needed of it on the other disk, name it."""
    draft = _join(path, PACKS, new_draft(0))
    try:
        disk.write_new(draft, _pieces(container_path(source, name)))
        check_rows(draft, [rows[offset] for offset in sorted(rows)])
        disk.rename(draft, container_path(path, name))
    except BaseException:
        disk.discard(draft)
        raise


def _copy_version(source: str, path: str, manifest: Manifest) -> None:
    """Copy a version file, verify the chunks that lie in it, and give it its number."""
    number = manifest.summary.number
    own = [row for row in manifest.rows if container_of(manifest, row) == number]
    check_rows(version_path(source, number), own)
    _copy_file(version_path(source, number), path, VERSIONS, number_name(number))


def _copy_file(file: str, path: str, folder: str, name: str) -> None:
    draft = _join(path, folder, new_draft(0))
    try:
        disk.write_new(draft, _pieces(file))
        disk.link_new(draft, _join(path, folder, name))
    finally:
        disk.discard(draft)


def _pieces(file: str) -> Iterator[bytes]:
    fd = disk.open_file(file)
    if fd is None:
        raise CorruptError(f"{file} is missing", kind="missing", remedy="run dart-verify")
    try:
        left = disk.file_stat(fd, file).st_size
        at = 0
        while left:
            piece = bytearray(min(left, _PIECE_BYTES))
            disk.read_into(fd, [memoryview(piece)], at, file)
            yield bytes(piece)
            at += len(piece)
            left -= len(piece)
    finally:
        disk.close_file(fd)


def _copy_rest(source: str, path: str) -> None:
    """Bring up to date what the launcher keeps beside the versions, the end mark last."""
    names = set(disk.folder_names(source)) - _FIRST - {FINISHED}
    for name in sorted(n for n in names if not n.endswith(".tmp") and not n.startswith(".")):
        _copy_tree(_join(source, name), _join(path, name))
    if disk.look(_join(source, FINISHED)) is not None:
        _copy_tree(_join(source, FINISHED), _join(path, FINISHED))


def _copy_tree(source: str, target: str) -> None:
    about = disk.look(source)
    if about is None:
        return  # it went while we looked
    if S_ISDIR(about.st_mode):
        disk.make_folder(target)
        for name in disk.folder_names(source):
            _copy_tree(_join(source, name), _join(target, name))
        disk.sync_folder(target)
        return
    draft = f"{target}.{new_draft(0)}"
    try:
        disk.write_new(draft, _pieces(source))
        disk.rename(draft, target)
    except StoreError:
        disk.discard(draft)
        raise
    disk.sync_folder(_dirname(target))
