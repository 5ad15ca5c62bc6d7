"""Repacking: chunks still in use move out of a pack that is mostly unused.

Takes packs and the versions that refer to them; gives a new pack and the same versions with other
rows. Keeps: a version is at every instant whole, by its old rows or by its new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from os.path import join as _join
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.store.layout import (
    BODY_LIMIT_BYTES,
    PACKS,
    VERSIONS,
    new_pack,
    pack_path,
    version_path,
)
from dartslurm.store.manifest import (
    PACK_HEADER,
    TRAILER,
    Manifest,
    Row,
    decode_trailer,
    encode_manifest,
)
from dartslurm.store.reader import read_stored
from dartslurm.store.signature import configured_key
from dartslurm.store.versions import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dartslurm.store.reachable import View

_LEAST_UNUSED_BYTES = 1 << 20
"""Below this, rewriting costs more than it frees."""


@dataclass(slots=True)
class Rewrite:
    """Packs that are joined into a new one, the chunks in use, and the versions that hold them."""

    packs: list[str]
    new_name: str
    rows: dict[tuple[str, int], Row]
    versions: list[int]

    @property
    def bytes_written(self) -> int:
        """Length of the new pack."""
        return len(PACK_HEADER) + sum(row.stored_bytes for row in self.rows.values())


def plan_rewrites(view: View, packs: set[str]) -> list[Rewrite]:
    """Choose the packs of which less than half is in use; each is rewritten for itself."""
    rows: dict[str, dict[tuple[str, int], Row]] = {}
    holders: dict[str, list[int]] = {}
    for number in view.visible:
        if not packs & view.files[number].containers:
            continue
        manifest = read_manifest(view.run_path, number)
        if manifest.is_signed and configured_key() is None:
            packs = packs - view.files[number].containers  # nobody here can sign it again
        for row in manifest.rows:
            name = manifest.containers[row.container]
            if isinstance(name, str) and name in packs:
                rows.setdefault(name, {})[name, row.offset] = row
                if holders.setdefault(name, [])[-1:] != [number]:
                    holders[name].append(number)
    rewrites = []
    for name in sorted(rows.keys() & packs):
        used_bytes = sum(row.stored_bytes for row in rows[name].values())
        unused_bytes = view.packs.get(name, 0) - used_bytes
        if unused_bytes >= max(used_bytes, _LEAST_UNUSED_BYTES):
            first = view.files[holders[name][0]].summary
            new_name = new_pack(first.number, first.epoch)
            rewrites.append(Rewrite([name], new_name, rows[name], holders[name]))
    return rewrites


def carry_out_rewrites(run_path: str, rewrites: list[Rewrite]) -> None:
    """Write the new packs, then the versions anew.

    Raises:
        CorruptError: if a chunk is damaged; nothing has been replaced.

    Durability:
        Everything, when this returns; the old packs may then be removed.
    """
    moved: dict[tuple[str, int], tuple[str, int]] = {}
    for each in rewrites:
        disk.write_new(pack_path(run_path, each.new_name), _chunks(run_path, each, moved))
    if rewrites:
        disk.sync_folder(_join(run_path, PACKS))
    for number in sorted({number for each in rewrites for number in each.versions}):
        _rewrite_version(run_path, number, moved)
    if rewrites:
        disk.sync_folder(_join(run_path, VERSIONS))


def _chunks(
    run_path: str, rewrite: Rewrite, moved: dict[tuple[str, int], tuple[str, int]]
) -> Iterator[bytes]:
    """Give the new pack's bytes, each chunk verified, and note where it comes to lie."""
    yield PACK_HEADER
    offset = len(PACK_HEADER)
    for (name, old_offset), row in sorted(rewrite.rows.items()):
        stored = read_stored(pack_path(run_path, name), row)
        moved[name, old_offset] = (rewrite.new_name, offset)
        yield stored
        offset += row.stored_bytes


def _rewrite_version(
    run_path: str, number: int, moved: dict[tuple[str, int], tuple[str, int]]
) -> None:
    manifest = read_manifest(run_path, number)
    path = version_path(run_path, number)
    content = disk.read_file(path, BODY_LIMIT_BYTES * 4) or b""
    trailer = decode_trailer(content[-TRAILER.size :], len(content), path)
    inline = content[: trailer.body_offset]
    again = encode_manifest(_moved(manifest, moved), len(inline), configured_key())
    disk.replace_file(path, b"".join([inline, *again]))


def _moved(manifest: Manifest, moved: dict[tuple[str, int], tuple[str, int]]) -> Manifest:
    """The same version with other rows; containers that are left without rows are dropped."""
    containers: dict[str | int, int] = {}
    rows = []
    for row in manifest.rows:
        name = manifest.containers[row.container]
        offset = row.offset
        if isinstance(name, str):
            name, offset = moved.get((name, offset), (name, offset))
        index = containers.setdefault(name, len(containers))
        rows.append(row._replace(container=index, offset=offset))
    return replace(manifest, containers=list(containers), rows=rows)
