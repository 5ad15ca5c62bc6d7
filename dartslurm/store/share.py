"""Sharing between runs: what another run of the store holds already is not written again.

Takes a new run's first version; gives the places of its chunks that lie in packs of other runs,
after linking those packs into the run's own folder. Keeps: a run depends on no other one. A pack
with two names lives until both runs have let go of it, so pruning one run never harms another.

Only the first version asks, because a program that is started again brings what it brought before:
its data. Only packs are shared, and only where they save enough to be worth a name.
"""

from __future__ import annotations

from os.path import join as _join
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import DartError
from dartslurm.store.draft import Place
from dartslurm.store.layout import PACKS, is_pack, is_run_id, new_pack, pack_path
from dartslurm.store.reader import read_stored
from dartslurm.store.trust import trust_folder
from dartslurm.store.versions import list_versions, read_manifest

if TYPE_CHECKING:
    from dartslurm.model.parts import StagedVersion
    from dartslurm.store.manifest import Row

_DONORS = 3
_LEAST_BYTES = 1 << 20
"""A pack that saves less is not linked."""


def share_packs(
    run_path: str, staged: StagedVersion, known: dict[bytes, Place], number: int, epoch: int
) -> dict[bytes, Place]:
    """Link packs of other runs that hold chunks of ``staged``; give where those chunks lie now.

    Whatever fails here only costs writing them again.

    Durability:
        The names are on disk when this returns.
    """
    chunks = [chunk for stream in staged.streams.values() for chunk in stream]
    chunks += [chunk for leaf in staged.leaves for chunk in leaf.chunks]
    wanted = {chunk.digest for chunk in chunks if chunk.data is not None} - known.keys()
    if sum(chunk.size_bytes for chunk in chunks) < _LEAST_BYTES:
        return {}
    found: dict[bytes, Place] = {}
    for donor in _donors(run_path):
        try:
            found.update(_link_from(donor, run_path, wanted - found.keys(), number, epoch))
        except DartError:
            continue
    if found:
        disk.sync_folder(_join(run_path, PACKS))
    return found


def _donors(run_path: str) -> list[str]:
    """Choose the other runs that were changed last; a guess is enough, so times may be wrong."""
    runs, _, own = run_path.rpartition("/")
    others = []
    for name in disk.folder_names(runs):
        about = disk.look(_join(runs, name)) if is_run_id(name) and name != own else None
        if about is not None:
            others.append((about.st_mtime, _join(runs, name)))
    return [path for _, path in sorted(others, reverse=True)[:_DONORS]]


def _link_from(
    donor: str, run_path: str, wanted: set[bytes], number: int, epoch: int
) -> dict[bytes, Place]:
    trust_folder(donor)
    newest = list_versions(donor).newest_first()
    if not newest:
        return {}
    manifest = read_manifest(donor, newest[0].number)
    held: dict[str, list[Row]] = {}
    for row in {row.digest: row for row in manifest.rows if row.digest in wanted}.values():
        name = manifest.containers[row.container]
        if isinstance(name, str) and is_pack(name):
            held.setdefault(name, []).append(row)
    found: dict[bytes, Place] = {}
    for name, rows in held.items():
        if sum(row.stored_bytes for row in rows) >= _LEAST_BYTES:
            linked = _link(pack_path(donor, name), run_path, rows, new_pack(number, epoch))
            found.update(linked)
    return found


def _link(source: str, run_path: str, rows: list[Row], name: str) -> dict[bytes, Place]:
    """Give a pack a name in the run, and verify the chunks that are wanted of it."""
    target = pack_path(run_path, name)
    if not disk.link_new(source, target):
        return {}
    try:
        for row in rows:
            read_stored(target, row)
    except BaseException:
        disk.discard(target)
        raise
    return {row.digest: Place(name, *row[2:]) for row in rows}
