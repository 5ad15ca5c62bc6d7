"""Epochs: which writer holds a run.

Takes a run's folder; gives a claim, which is the next epoch, and tells who holds the run. Keeps:
an epoch is given once, by ``link()``; no clock and no lock decides anything.

A claim is not a lease. It does not run out, and nobody has to renew it: a newer claim ends it.
Whether the older holder still lives is asked of the operating system, and only where that can
know.

Source:
    ``docs/reference/store-format.md`` sections 4 and 7.
"""

from __future__ import annotations

from os import getpid, readlink, uname
from os import kill as _kill
from os.path import join as _join
from time import time
from typing import Any

from dartslurm import disk
from dartslurm.errors import ConflictError, DartError
from dartslurm.store.layout import EPOCHS, epoch_path, new_draft, parse_number
from dartslurm.store.records import encode_record, read_record


def newest_epoch(run_path: str) -> int:
    """Give the highest epoch that was claimed; 0 if none."""
    names = disk.folder_names(_join(run_path, EPOCHS))
    return max((number for number in map(parse_number, names) if number), default=0)


def claim_epoch(run_path: str, *, attempt: int, job: dict[str, Any], parent: int | None) -> int:
    """Claim the next epoch and so fence every older writer.

    ``parent`` is the version that the writer goes on from; pruning spares its chunks.

    Raises:
        StoreError: if the claim cannot be written.

    Durability:
        The claim is on disk when this returns.
    """
    folder = _join(run_path, EPOCHS)
    epoch = newest_epoch(run_path) + 1
    fields = {"attempt": attempt, "job": job, "parent": parent}
    while not _try_claim(run_path, {"epoch": epoch, **fields}):
        epoch += 1
    disk.sync_folder(folder)
    return epoch


def _try_claim(run_path: str, fields: dict[str, Any]) -> bool:
    epoch = fields["epoch"]
    draft = _join(run_path, EPOCHS, new_draft(epoch))
    disk.write_new(draft, [encode_record("claim", {**fields, "time_utc": time(), **myself()})])
    try:
        return disk.link_new(draft, epoch_path(run_path, epoch))
    finally:
        disk.discard(draft)


def refuse_if_fenced(run_path: str, epoch: int) -> None:
    """Stop a writer whose epoch is not the newest any more.

    Raises:
        ConflictError: naming the newer holder as far as it can be read.
    """
    if disk.look(epoch_path(run_path, epoch + 1)) is not None:
        raise fenced(run_path, epoch)


def fenced(run_path: str, epoch: int) -> ConflictError:
    """Say that a newer claim ended this one."""
    claim = read_claim(run_path, newest_epoch(run_path)) or {}
    return ConflictError(
        f"{run_path} is held by attempt {claim.get('attempt', '?')} on {claim.get('host', '?')} "
        f"since epoch {claim.get('epoch', '?')}; this process has epoch {epoch}",
        kind="fenced",
        remedy="nothing is lost: the newer attempt goes on; end this process",
    )


def release_epoch(run_path: str, epoch: int) -> None:
    """Note that the holder of an epoch has let go; the epoch stays used up."""
    path = f"{epoch_path(run_path, epoch)}.end"
    disk.replace_file(path, encode_record("end", {"epoch": epoch, "time_utc": time()}))


def read_claim(run_path: str, epoch: int) -> dict[str, Any] | None:
    """Read a claim; ``None`` if it is missing or damaged (it is for people, not for the fence)."""
    try:
        return read_record(epoch_path(run_path, epoch), "claim")
    except DartError:
        return None


def holder_of(run_path: str) -> dict[str, Any] | None:
    """Describe the newest claim, with ``alive``; ``None`` if the run was never claimed.

    ``alive`` is ``False`` if the claim was released or its process is known to be gone, ``True``
    if it is known to live, ``None`` if this host cannot know.
    """
    epoch = newest_epoch(run_path)
    return describe_claim(run_path, epoch) if epoch else None


def describe_claim(run_path: str, epoch: int) -> dict[str, Any]:
    """Give a claim as far as it can be read, with ``released`` and ``alive``."""
    claim = read_claim(run_path, epoch) or {"epoch": epoch}
    released = disk.look(f"{epoch_path(run_path, epoch)}.end") is not None
    return {**claim, "released": released, "alive": False if released else is_alive(claim)}


def is_alive(claim: dict[str, Any]) -> bool | None:
    """Ask the operating system whether a claim's process lives; ``None`` if it cannot know."""
    here = myself()
    if claim.get("host") != here["host"]:
        return None
    if claim.get("boot_id") != here["boot_id"]:
        return False  # the same host has been restarted since
    if claim.get("pid_namespace") != here["pid_namespace"]:
        return None
    pid = claim.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return None
    try:
        _kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return _pid_start(pid) == claim.get("pid_start")


def myself() -> dict[str, Any]:
    """Name this process so that another one can ask whether it lives."""
    pid = getpid()
    return {
        "host": uname().nodename,
        "boot_id": _first_line("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": _pid_namespace(),
        "pid": pid,
        "pid_start": _pid_start(pid),
    }


def _pid_namespace() -> str:
    try:
        return readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _pid_start(pid: int) -> int:
    """Start of a process in clock ticks since boot: tells a reused pid apart.

    Source:
        proc_pid_stat(5), field 22; the name before it may hold blanks and brackets.
    """
    fields = _first_line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as source:
            return source.readline().decode(errors="replace").strip()
    except OSError:
        return ""
