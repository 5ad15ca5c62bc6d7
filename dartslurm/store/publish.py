"""Publishing: how staged bytes become a version that outlives everything.

Takes a `StagedVersion`; gives the acknowledged `Version`. The invariant: *bytes before names,
names before words*. When `RunWriter.publish` returns, the version is whole on disk; when it
raises, readers see what they saw before (or, if only the last sync failed, one whole version that
was not promised).

Designs that do not work, and why:

* *Write the manifest in place, or rename it over a fixed name.* A crash leaves half a manifest,
  or two writers overwrite each other; ``rename`` has no way to fail because the target exists.
* *A lock file or lease.* Locks are absent or node-local on many mounts, leases need clocks, and a
  holder that was suspended wakes up after its lease believing that it holds it.
* *Check the epoch, then rename.* Between check and rename the other attempt may start.
* *Try a failed sync again.* After a failed sync the kernel marks the lost pages clean; the second
  try succeeds and the data is gone. The file is thrown away instead.

The one chosen: chunks go to a file with a random name, synced with its folder; then the version
file is written as a draft, synced, and linked to its number. ``link`` fails if the number is
taken, so it decides between two writers, on the server, whatever their caches say. Then the
folder is synced and the version is acknowledged. A writer that finds its number taken by a newer
epoch stops for good.

What still fails: disks that acknowledge a sync and lose the data; file systems without hard links
(the first claim says so).

Source:
    ``docs/reference/store-format.md`` section 7.
"""

from __future__ import annotations

from errno import EACCES, EDQUOT, EMLINK, ENOSPC, EPERM, EROFS
from os import getpid
from os.path import join as _join
from threading import Lock
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.errors import ConflictError, DartError, StoreError
from dartslurm.store.draft import Draft, Place, Recent
from dartslurm.store.epoch import claim_epoch, fenced, refuse_if_fenced, release_epoch
from dartslurm.store.index import append_index
from dartslurm.store.layout import (
    INLINE_BYTES,
    PACKS,
    VERSIONS,
    container_path,
    new_draft,
    new_pack,
    pack_path,
    version_path,
)
from dartslurm.store.manifest import PACK_HEADER, SELF, VERSION_HEADER, Manifest, Summary
from dartslurm.store.quota import Quota, keep_to, thin
from dartslurm.store.share import share_packs
from dartslurm.store.sweep import sweep
from dartslurm.store.versions import (
    list_versions,
    next_number,
    open_manifest,
    read_condemned,
    read_manifest,
    version_of,
)

if TYPE_CHECKING:
    from dartslurm.model.parts import StagedVersion
    from dartslurm.model.version import Version

_NOT_DONE = frozenset({ENOSPC, EDQUOT, EPERM, EACCES, EROFS, EMLINK})
"""Errors of ``link`` after which the name surely does not exist."""


class RunWriter:
    """The right to publish versions of one run, until a newer writer claims it.

    One thread publishes at a time; `known` may be asked from another one meanwhile.
    """

    def __init__(
        self,
        run_path: str,
        run_id: str,
        *,
        attempt: int,
        job: dict[str, Any],
        parent: int | None,
        quota: Quota | None = None,
    ) -> None:
        listing = list_versions(run_path)
        newest = listing.newest_first()
        self._parent = parent if parent is not None else newest[0].number if newest else None
        self.epoch = claim_epoch(run_path, attempt=attempt, job=job, parent=self._parent)
        self._run_path = run_path
        self._run_id = run_id
        self._attempt = attempt
        self._quota = quota
        self._pid = getpid()
        self._lock = Lock()
        self._recent = Recent()
        self._next = next_number(run_path)
        self._swept = False
        append_index(run_path, listing.unindexed)
        # After the claim, which tells whoever prunes that these chunks are wanted.
        if self._parent is not None:
            self._learn(self._parent)

    def known(self, digest: bytes) -> bool:
        """Tell whether a chunk is stored already, so that its bytes need not be staged."""
        return digest in self._recent.digests

    def publish(self, staged: StagedVersion) -> Version:
        """Commit one version; blocks until it is acknowledged.

        Raises:
            ConflictError: if a newer writer claimed the run; this writer has ended.
            StoreError: if the disk refuses; the run is as before and the next call may work.

        Durability:
            Everything, when this returns.
        """
        self._refuse_fork()
        with self._lock:
            started = monotonic()
            try:
                version = self._publish(staged, started)
            except StoreError as cause:
                # Under a quota room can be made; the bytes are still there for a second try.
                if self._quota is None or cause.errno not in (ENOSPC, EDQUOT):
                    raise
                if not thin(self._run_path):
                    raise
                version = self._publish(staged, started)
            if self._quota is not None:
                keep_to(self._run_path, self._quota)
            return version

    def _publish(self, staged: StagedVersion, started: float) -> Version:
        refuse_if_fenced(self._run_path, self.epoch)
        known = self._recent.places()
        shared: dict[bytes, Place] = {}
        if not known:
            shared = share_packs(self._run_path, staged, known, self._next, self.epoch)
        draft = Draft(staged, {**known, **shared})
        draft.linked = {str(place.container) for place in shared.values()}
        self._write_chunks(draft)
        manifest = self._link_version(draft, staged, started)
        # The name exists now. Whatever fails from here on, nothing may be taken back.
        disk.sync_folder(_join(self._run_path, VERSIONS))
        return self._acknowledge(manifest, draft, monotonic() - started)

    def close(self) -> None:
        """Let go of the run. Never raises: a claim that stays only says too much."""
        if getpid() != self._pid:
            return
        try:
            release_epoch(self._run_path, self.epoch)
        except DartError:
            pass

    def _refuse_fork(self) -> None:
        """A forked child inherits the writer, not the right to publish."""
        if getpid() != self._pid:
            raise ConflictError(
                f"{self._run_path} is held by process {self._pid}; this is a child of it",
                remedy="nothing is lost: only the process that claimed the run commits",
            )

    def _learn(self, number: int) -> None:
        """Take over the chunks of the parent whose files are all there."""
        try:
            manifest = open_manifest(self._run_path, number)
            condemned = read_condemned(self._run_path)
        except DartError:
            return
        places = [Place.of(row, manifest) for row in manifest.rows]
        lengths = {place.container: self._length(place.container) for place in places}
        whole = {
            row.digest: place
            for row, place in zip(manifest.rows, places, strict=True)
            if place.offset + place.stored_bytes <= lengths[place.container]
            and place.container not in condemned
        }
        self._recent.add(number, whole)

    def _length(self, container: str | int) -> int:
        about = disk.look(container_path(self._run_path, container))
        return about.st_size if about is not None else 0

    def _write_chunks(self, draft: Draft) -> None:
        """Make the new chunks durable in a pack; few bytes go into the version file instead."""
        if draft.bytes_new <= INLINE_BYTES:
            draft.inline = [bytes(piece) for piece in draft.store(VERSION_HEADER, SELF)]
            draft.check_live()
            return
        draft.inline = [VERSION_HEADER]
        draft.pack = new_pack(self._next, self.epoch)
        path = pack_path(self._run_path, draft.pack)
        try:
            pieces = draft.store(PACK_HEADER, draft.pack)
            disk.write_new(path, pieces, bulk=draft.bulk_threads)
            draft.check_live()
            disk.sync_folder(_join(self._run_path, PACKS))
        except BaseException:
            self._take_back(draft)
            raise

    def _take_back(self, draft: Draft) -> None:
        for name in {*draft.linked, *([draft.pack] if draft.pack else [])}:
            disk.discard(pack_path(self._run_path, name))

    def _link_version(self, draft: Draft, staged: StagedVersion, started: float) -> Manifest:
        """Write the version file and give it the first free number."""
        while True:
            summary = self._summary(staged, draft, started)
            manifest = draft.manifest(self._run_id, summary, self._recent.numbers)
            name = _join(self._run_path, VERSIONS, new_draft(self.epoch))
            try:
                disk.write_new(name, draft.version_file(manifest))
            except BaseException:
                self._take_back(draft)
                raise
            number, self._next = self._next, self._next + 1
            if self._link(name, number, draft):
                return manifest
            try:
                self._refuse_newer(number)
            except BaseException:
                self._take_back(draft)
                raise

    def _link(self, name: str, number: int, draft: Draft) -> bool:
        """Link the draft to its number; ``False`` if another version has it."""
        try:
            return disk.link_new(name, version_path(self._run_path, number))
        except StoreError as cause:
            # After an error of the disk or the network the name may exist all the same (a lost
            # reply). Then the pack must stay; as garbage it is swept by the next attempt.
            if cause.errno in _NOT_DONE:
                self._take_back(draft)
            raise
        finally:
            disk.discard(name)

    def _refuse_newer(self, number: int) -> None:
        """Stop if the version that took our number belongs to a newer epoch."""
        try:
            occupant = read_manifest(self._run_path, number).summary.epoch
        except DartError:
            occupant = 0  # damaged or just removed: the claims decide
        if occupant > self.epoch:
            raise fenced(self._run_path, self.epoch)
        refuse_if_fenced(self._run_path, self.epoch)

    def _acknowledge(self, manifest: Manifest, draft: Draft, commit_seconds: float) -> Version:
        summary = manifest.summary._replace(commit_seconds=commit_seconds)
        self._recent.add(summary.number, draft.places(summary.number))
        self._parent = summary.number
        append_index(self._run_path, [summary])
        if not self._swept:
            self._swept = True
            sweep(self._run_path, self.epoch, self._recent.containers())
        return version_of(self._run_id, summary, manifest.meta)

    def _summary(self, staged: StagedVersion, draft: Draft, started: float) -> Summary:
        meta = staged.meta
        # Only people read these; the acknowledged cost is in the index.
        return Summary(
            number=self._next,
            parent=self._parent,
            epoch=self.epoch,
            attempt=int(meta.get("attempt") or self._attempt),
            time_utc=time(),
            cause=str(meta.get("cause", "")),
            place=str(meta.get("place", "")),
            node=str(meta.get("node", "")),
            bytes_total=staged.bytes_total,
            bytes_new=draft.bytes_new,
            bytes_stored=draft.bytes_stored,
            pause_seconds=float(meta.get("pause_seconds") or 0.0),
            commit_seconds=monotonic() - started,
        )
