"""Sweeping: what a dead writer left behind.

Takes a run's folder and the epoch of a writer that has just published; removes drafts and packs
that no version can ever refer to. Keeps: it runs only after that writer's first acknowledged
version, because from then on no older writer can publish, and it removes nothing when in doubt.

Source:
    ``docs/reference/store-format.md``, "After a crash".
"""

from __future__ import annotations

from os.path import join as _join

from dartslurm import disk
from dartslurm.errors import DartError
from dartslurm.store.layout import (
    EPOCHS,
    PACKS,
    VERSIONS,
    pack_path,
    parse_draft,
    parse_pack,
)
from dartslurm.store.versions import Listing, list_versions, read_manifest


def sweep(run_path: str, epoch: int, in_use: set[str | int]) -> list[str]:
    """Remove the leavings of older epochs; give their names. Failures are left for next time.

    ``in_use`` are containers that the writer itself may still refer to.
    """
    removed: list[str] = []
    try:
        for folder in (VERSIONS, EPOCHS):
            removed += _sweep_drafts(_join(run_path, folder), epoch)
        removed += _sweep_packs(run_path, epoch, in_use)
    except DartError:
        pass
    return removed


def _sweep_drafts(folder: str, epoch: int) -> list[str]:
    stale = [
        name
        for name in disk.folder_names(folder)
        if (of_epoch := parse_draft(name)) is not None and of_epoch < epoch
    ]
    for name in stale:
        disk.remove(_join(folder, name))
    return stale


def _sweep_packs(run_path: str, epoch: int, in_use: set[str | int]) -> list[str]:
    suspects = [
        (name, parsed)
        for name in disk.folder_names(_join(run_path, PACKS))
        if (parsed := parse_pack(name)) is not None and parsed[1] < epoch and name not in in_use
    ]
    if not suspects:
        return []
    listing = list_versions(run_path)
    last = {summary.epoch: summary.number for summary in listing.summaries}
    stale = []
    for name, (number, of_epoch) in suspects:
        # A pack is written for the version after the last one of its writer: only there can it
        # have been left over. Older ones are not even looked at.
        if number > last.get(of_epoch, 0) and not _is_used(run_path, name, number, listing):
            disk.remove(pack_path(run_path, name))
            stale.append(name)
    return stale


def _is_used(run_path: str, pack: str, number: int, listing: Listing) -> bool:
    """Ask every version that could refer to the pack; a damaged one might."""
    if any(damaged >= number for damaged in listing.damaged):
        return True
    return any(
        pack in read_manifest(run_path, summary.number).containers
        for summary in listing.summaries
        if summary.number >= number
    )
