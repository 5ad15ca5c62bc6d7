"""What of a run's files is needed, and what is not: the view on which pruning decides.

Takes a run's folder; gives its versions with their containers, the claims that a living writer may
stand on, and what those may still refer to. Keeps: in doubt everything is needed.

Source:
    ``docs/reference/store-format.md`` section 9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import join as _join
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import DartError
from dartslurm.store.epoch import describe_claim, newest_epoch
from dartslurm.store.layout import PACKS, container_path, parse_pack
from dartslurm.store.manifest import SELF, Manifest
from dartslurm.store.versions import file_numbers, read_manifest, read_pruned

if TYPE_CHECKING:
    from dartslurm.store.manifest import Row, Summary

Container = str | int


@dataclass(frozen=True, slots=True)
class Held:
    """One version file: its summary, its containers, and which of them hold its chunks."""

    summary: Summary
    containers: frozenset[Container]
    recent: tuple[int, ...] | None
    is_tagged: bool
    is_whole: bool


@dataclass(slots=True)
class View:
    """A run's files at one instant. ``damaged`` are version files that cannot be read."""

    run_path: str
    newest_epoch: int
    pruned: frozenset[int]
    files: dict[int, Held] = field(default_factory=dict)
    damaged: set[int] = field(default_factory=set)
    packs: dict[str, int] = field(default_factory=dict)

    @property
    def visible(self) -> list[int]:
        """The versions, oldest first."""
        return [number for number in sorted(self.files) if number not in self.pruned]

    def newest_first(self) -> list[int]:
        """The versions by (epoch, number), highest first."""
        return sorted(self.visible, key=lambda n: (self.files[n].summary.epoch, n), reverse=True)

    def must_stay(self) -> set[int]:
        """The newest version, the newest that is whole, and the highest number."""
        order = self.newest_first()
        whole = [number for number in order if self.files[number].is_whole]
        return {*order[:1], *whole[:1], *self.visible[-1:]}

    def names(self) -> set[int]:
        """The files that stay as names: the first of each epoch, the highest, the unreadable."""
        first: dict[int, int] = {}
        for number in sorted(self.files):
            first.setdefault(self.files[number].summary.epoch, number)
        return {*first.values(), *self.damaged, max([*self.files, *self.damaged], default=0)}

    def needed(self, numbers: set[int]) -> set[Container]:
        """Every container that these versions refer to."""
        return {
            c for number in numbers if number in self.files for c in self.files[number].containers
        }

    def in_use(self) -> set[Container]:
        """Every container that a living writer may still refer to."""
        published = [self.files[number].summary.epoch for number in self.visible]
        used: set[Container] = set()
        for epoch in range(max(published, default=1), self.newest_epoch + 1):
            claim = describe_claim(self.run_path, epoch)
            if claim["released"] or claim["alive"] is False:
                continue
            mine = [n for n in self.visible if self.files[n].summary.epoch == epoch]
            bases = self.files[mine[-1]].recent if mine else _parents(claim)
            if bases is None:
                return self.needed(set(self.files)) | set(self.packs)
            used |= self.needed({*mine[-1:], *bases})
        return used

    def is_left_over(self, pack: str) -> bool:
        """Tell whether a pack that no version refers to can never be published any more."""
        aim, epoch = parse_pack(pack) or (0, 0)
        if self.damaged:
            return False
        of_epoch = [n for n in self.files if self.files[n].summary.epoch == epoch]
        newest = max((self.files[n].summary.epoch for n in self.visible), default=0)
        return epoch < newest or aim <= max(of_epoch, default=0)


def _parents(claim: dict[str, object]) -> tuple[int, ...] | None:
    """The version a writer without one of its own stands on; ``None`` if the claim is silent."""
    if "parent" not in claim:
        return None
    parent = claim["parent"]
    return (parent,) if isinstance(parent, int) else ()


def look_at(run_path: str) -> View:
    """Read all version files of a run, the names of its packs and its claims.

    Raises:
        StoreError: if a folder cannot be read.
        CorruptError: if ``pruned.json`` is damaged.
    """
    # Claims first: one that comes later is noticed when the claims are read again.
    view = View(run_path, newest_epoch(run_path), read_pruned(run_path))
    for name in disk.folder_names(_join(run_path, PACKS)):
        about = disk.look(container_path(run_path, name)) if parse_pack(name) else None
        if about is not None:
            view.packs[name] = about.st_size if about.st_nlink == 1 else 0
    for number in file_numbers(run_path):
        try:
            manifest = read_manifest(run_path, number)
        except DartError:
            view.damaged.add(number)
            continue
        whole = _is_whole(manifest, view)
        containers = frozenset(container_of(manifest, row) for row in manifest.rows)
        tagged = bool(manifest.meta.get("tag"))
        held = Held(manifest.summary, containers, manifest.recent, tagged, whole)
        view.files[number] = held
    return view


def container_of(manifest: Manifest, row: Row) -> Container:
    """Name the file that holds a chunk, from outside its version."""
    name = manifest.containers[row.container]
    return manifest.summary.number if name == SELF else name


def _is_whole(manifest: Manifest, view: View) -> bool:
    """Tell whether all files of a version are there; their bytes are not read."""
    names = {container_of(manifest, row) for row in manifest.rows}
    there = {*view.packs, *view.files, manifest.summary.number}
    return names <= there
