"""The repository: runs and their versions in one folder.

Takes a path; gives runs, their versions, readers and the writer. Keeps: a store or run that
somebody else owns or may write is refused before anything in it is read.
"""

from __future__ import annotations

from os import getpid as _getpid
from os import urandom as _urandom
from os.path import join as _join
from os.path import realpath as _realpath
from time import time
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.errors import (
    ConflictError,
    CorruptError,
    DartError,
    NotFoundError,
    StoreError,
    UntrustedError,
)
from dartslurm.model.version import RunRecord
from dartslurm.store.epoch import holder_of
from dartslurm.store.layout import (
    EPOCHS,
    FINISHED,
    PACKS,
    RESERVE,
    RESERVE_BYTES,
    RUN_RECORD,
    RUNS,
    STORE_RECORD,
    VERSIONS,
    container_path,
    is_run_id,
    new_run_id,
)
from dartslurm.store.manifest import SELF
from dartslurm.store.publish import RunWriter
from dartslurm.store.quota import Quota
from dartslurm.store.reader import VersionReader, open_newest
from dartslurm.store.records import encode_record, read_record
from dartslurm.store.signature import configured_key
from dartslurm.store.trust import trust_folder, trust_root
from dartslurm.store.versions import list_versions, open_manifest, version_of

if TYPE_CHECKING:
    from dartslurm.model.version import Version

__all__ = ["Repository", "Run", "RunWriter", "VersionReader", "new_run_id"]

_RUN_FIELDS = (
    "run_id",
    "created_utc",
    "argv",
    "cwd",
    "python",
    "python_version",
    "launch",
    "job",
)


class Repository:
    """A store: the runs of one user under one folder."""

    def __init__(self, root: str) -> None:
        self.root = root

    @classmethod
    def open(cls, root: str, *, create: bool = False) -> Repository:
        """Open a store, or make it.

        Raises:
            NotFoundError: if there is none and ``create`` is not set.
            UntrustedError: if somebody else owns it or may change it.
            StoreError: if it cannot be read or made.
        """
        place = _realpath(root)
        if create:
            disk.make_folders(place)
            trust_root(place)
            _make_store(place)
        elif disk.look(_join(place, STORE_RECORD)) is None:
            raise NotFoundError(
                f"there is no store at {root}",
                kind="no-store",
                remedy="name it with --dart-store or DART_STORE",
            )
        trust_root(place)
        trust_folder(_join(place, RUNS))
        read_record(_join(place, STORE_RECORD), "store")
        return cls(place)

    def create_run(self, record: RunRecord) -> Run:
        """Add a run that has no versions yet.

        Raises:
            ConflictError: if the store has a run with this name.
            StoreError: if it cannot be written.

        Durability:
            The run is on disk, whole, when this returns.
        """
        if not is_run_id(record.run_id):
            raise ValueError(f"not a run id: {record.run_id!r}")
        runs = _join(self.root, RUNS)
        path = _join(runs, record.run_id)
        if disk.look(path) is not None:
            raise ConflictError(f"the store has a run {record.run_id} already", remedy="try again")
        draft = _join(runs, f".{record.run_id}-{_urandom(4).hex()}.tmp")
        try:
            _write_run(draft, record)
            disk.rename(draft, path)  # fails if another run took the name meanwhile
        except BaseException:
            disk.discard(draft)
            raise
        disk.sync_folder(runs)
        return Run(path, record)

    def run(self, run_id: str) -> Run:
        """Open a run by its name.

        Raises:
            NotFoundError: if there is none.
            UntrustedError: if somebody else owns it or may change it.
            CorruptError: if its record is damaged.
        """
        path = _join(self.root, RUNS, run_id)
        record = None
        if is_run_id(run_id) and disk.look(path) is not None:
            trust_folder(path)
            for folder in (_join(path, name) for name in (EPOCHS, VERSIONS, PACKS)):
                if disk.look(folder) is not None:
                    trust_folder(folder)
            record = _read_run(path)
        if record is None:
            raise NotFoundError(
                f"no run {run_id!r} in {self.root}", kind="no-run", remedy="list them with dart-log"
            )
        return Run(path, record)

    def run_or_newest(self, run_id: str | None) -> Run:
        """Open a run by its name, the newest one without a name.

        Raises:
            NotFoundError: if there is none.
        """
        names = self.runs() if run_id is None else [run_id]
        if not names:
            raise NotFoundError(
                f"the store {self.root} has no run",
                kind="no-run",
                remedy="name another store with --dart-store",
            )
        return self.run(names[0])

    def names(self) -> list[str]:
        """Name every run that has a folder, also those that cannot be read."""
        return sorted(filter(is_run_id, disk.folder_names(_join(self.root, RUNS))))

    def runs(self) -> list[str]:
        """Name the runs that can be read, newest first."""
        born: list[tuple[float, str]] = []
        for name in self.names():
            try:
                born.append((self.run(name).record.created_utc, name))
            except DartError:
                continue
        return [name for _, name in sorted(born, reverse=True)]


class Run:
    """One program's life. ``path`` is its folder; journal and control file lie there too."""

    def __init__(self, path: str, record: RunRecord) -> None:
        self.path = path
        self.record = record

    @property
    def journal_path(self) -> str:
        """Where the run's journal is."""
        return _join(self.path, "journal.jsonl")

    def versions(self) -> list[Version]:
        """List the versions, oldest first, without their ``meta``; damaged ones are left out."""
        run_id = self.record.run_id
        return [version_of(run_id, summary) for summary in list_versions(self.path).summaries]

    def damaged(self) -> dict[int, str]:
        """Name the versions whose manifest cannot be read, with the reason."""
        return list_versions(self.path).damaged

    def newest(self) -> Version | None:
        """Describe the newest version whose manifest can be read; ``None`` without any.

        Raises:
            UntrustedError: if it is somebody else's, or not signed with the user's key.
        """
        for summary in list_versions(self.path).newest_first():
            try:
                return self.version(summary.number)
            except UntrustedError:
                raise
            except DartError:
                continue
        return None

    def version(self, number: int) -> Version:
        """Describe a version, with its ``meta``.

        Raises:
            NoVersionError: if there is none.
            CorruptError: if its manifest is damaged.
        """
        manifest = open_manifest(self.path, number)
        return version_of(self.record.run_id, manifest.summary, manifest.meta)

    def reader(self, number: int | None = None, *, ahead: bool = False) -> VersionReader:
        """Open a version; without a number the newest one that is whole.

        Looking for a whole one reads all of it, so what it gives later was good a moment ago;
        with ``ahead`` it is kept until it is asked for.

        Raises:
            NoVersionError: if there is none.
            CorruptError: if it, or every version, is damaged.
        """
        if number is None:
            return open_newest(self.path, ahead=ahead)
        return VersionReader(self.path, open_manifest(self.path, number), {})

    def oldest_change_utc(self) -> float | None:
        """Tell when the oldest file that the newest version needs was written: a purge goes by it.

        ``None`` without a version. Nothing is touched to look younger than it is.
        """
        newest = self.newest()
        if newest is None:
            return None
        manifest = open_manifest(self.path, newest.number)
        needed = [newest.number if name == SELF else name for name in manifest.containers]
        paths = [container_path(self.path, name) for name in [*needed, newest.number]]
        found = [about for about in map(disk.look, paths) if about is not None]
        return min(about.st_mtime for about in found)

    def open_writer(
        self,
        *,
        attempt: int,
        parent: int | None = None,
        job: dict[str, Any] | None = None,
        quota: tuple[int | None, int | None] | None = None,
    ) -> RunWriter:
        """Claim the next epoch: from now on older writers of this run are fenced.

        Args:
            attempt: which execution of the program this is, from 1.
            parent: the version the program goes on from; the newest if not given.
            quota: the bytes and files that the run's versions may take; older ones are thinned out.
            job: what the claim says of this attempt's job; the run's own if not given.

        Raises:
            StoreError: if the claim cannot be written.

        Durability:
            The claim is on disk when this returns.
        """
        return RunWriter(
            self.path,
            self.record.run_id,
            attempt=attempt,
            job=self.record.job if job is None else job,
            parent=parent,
            quota=None if quota is None else Quota(*quota),
        )

    def holder(self) -> dict[str, Any] | None:
        """Describe who claimed the run last, and whether that process is alive."""
        return holder_of(self.path)

    def check_not_alive(self) -> None:
        """Refuse a run whose last claimer still runs.

        Raises:
            ConflictError: if it does.
        """
        holder = self.holder()
        if holder is not None and holder.get("alive") and holder.get("pid") != _getpid():
            raise ConflictError(
                f"{self.record.run_id} is running: process {holder.get('pid')} on "
                f"{holder.get('host')}",
                kind="alive",
                remedy="stop that one first (kill -USR1 commits and ends it)",
            )

    def finish(self, exit_code: int) -> None:
        """Note that the program has ended; gives up the reserve on a full disk.

        Durability:
            On disk when this returns.
        """
        fields = {"exit_code": exit_code, "finished_utc": time()}
        text = encode_record("finished", fields)
        path = _join(self.path, FINISHED)
        try:
            disk.replace_file(path, text)
        except StoreError:
            disk.remove(_join(self.path, RESERVE))
            disk.replace_file(path, text)
        self.record = _read_run(self.path) or self.record


def _make_store(root: str) -> None:
    disk.make_folder(_join(root, RUNS))
    path = _join(root, STORE_RECORD)
    if disk.look(path) is None:
        # Two processes may make the same store at once; they write the same bytes.
        disk.replace_file(path, encode_record("store", {}))


def _write_run(path: str, record: RunRecord) -> None:
    """Fill a run's folder before it gets its name."""
    disk.make_folder(path)
    for name in (EPOCHS, VERSIONS, PACKS):
        disk.make_folder(_join(path, name))
    fields = {name: getattr(record, name) for name in _RUN_FIELDS}
    disk.write_new(_join(path, RUN_RECORD), [encode_record("run", fields, configured_key())])
    disk.write_new(_join(path, RESERVE), [bytes(RESERVE_BYTES)])
    disk.sync_folder(path)


def _read_run(path: str) -> RunRecord | None:
    place = _join(path, RUN_RECORD)
    fields = read_record(place, "run", configured_key())
    if fields is None:
        return None
    end = read_record(_join(path, FINISHED), "finished") or {}
    try:
        record = RunRecord(
            **{name: fields[name] for name in _RUN_FIELDS},
            exit_code=end.get("exit_code"),
            finished_utc=end.get("finished_utc"),
        )
    except (KeyError, TypeError) as cause:
        raise CorruptError(f"{place} has a wrong field: {cause!r}") from cause
    if record.run_id != path.rpartition("/")[2]:
        raise CorruptError(f"{place} belongs to the run {record.run_id!r}")
    return record
