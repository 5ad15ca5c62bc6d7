"""Files that the program holds open over a commit: their bytes are kept with the version.

Nobody announces a write to an open file. A file that is only appended to needs its length; one
that may be written in the middle (``r+``, a mapping, a data base) needs its bytes, and those are
copied at each commit unless nothing has changed since the last one.
"""

from __future__ import annotations

import fcntl
import os
import stat
from time import time_ns as _now
from typing import TYPE_CHECKING, Any

from dartslurm.errors import DartError
from dartslurm.interpreter.words import areas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dartslurm.state.outside.changes import Changes
    from dartslurm.state.outside.undo_log import Entry

_LARGEST_BYTES = {os.O_RDWR: 64 << 20, os.O_WRONLY: 1 << 20}
"""Larger files are not copied. A program cannot read what it writes to a write-only file, so it
will write the same again: the limit of those is lower, and passing it is no loss."""
_YOUNG_NS = 2_000_000_000
"""A file changed so shortly before its copy may change again without a new time."""
_lstat, _fstat, _readlink = os.lstat, os.fstat, os.readlink

_held: dict[str, tuple[tuple[int, int, int], Entry]] = {}
"""The last copy of each file, with what its inode, length and time were."""


def keep_held(changes: Changes, lengths: dict[str, int], shared: Sequence[str]) -> dict[str, Any]:
    """Keep the bytes of files that stay open for writing, and say of which not, as plain JSON.

    Their lengths are added to ``lengths``; ``shared`` are files that others write too.
    """
    held: dict[str, Entry] = {}
    not_kept = {}
    open_now = [row for row in _open_for_writing(changes) if row[0] not in shared]
    mapped = _mapped_files() if any(way == os.O_RDWR for _, _, way in open_now) else set()
    for path, found, way in open_now:
        lengths[path] = found.st_size
        if found.st_size > _LARGEST_BYTES[way]:
            if way == os.O_RDWR:
                not_kept[path] = f"it stays open for reading and writing, {found.st_size} bytes"
            continue
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        known = _held.get(path)
        if known is not None and known[0] == stamp and path not in mapped:
            entry = {**known[1], "mode": stat.S_IMODE(found.st_mode)}
        else:
            try:
                entry = changes.keep_held(path, found)
            except (OSError, DartError) as error:
                not_kept[path] = str(error)
                continue
            if _now() - found.st_mtime_ns > _YOUNG_NS:
                _held[path] = (stamp, entry)
            else:
                _held.pop(path, None)
        changes.note_held(path, entry)
        held[path] = entry
    return {"held": held, "not_kept": not_kept}


def _open_for_writing(changes: Changes) -> Iterator[tuple[str, os.stat_result, int]]:
    """Find regular files that the process holds open, also those that C libraries opened."""
    seen = set()
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            way = flags & os.O_ACCMODE
            if descriptor <= 2 or way == os.O_RDONLY:
                continue
            found = _fstat(descriptor)
            path = _readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if (
            not stat.S_ISREG(found.st_mode)
            or not changes.watches(path)
            or _inode(path) != (found.st_dev, found.st_ino)
        ):  # a name that is gone or means another file
            continue
        if path in seen or (way == os.O_WRONLY and flags & os.O_APPEND):
            continue
        seen.add(path)
        yield path, found, way


def _mapped_files() -> set[str]:
    """Return the files that are mapped for writing: their time does not tell of every change."""
    return {one.path for one in areas() if one.rights == "rw-s"}


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = _lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
