"""Standard output and standard error that a shell would empty: a copy of what is in them.

A job script runs again from its first line when the job comes back, and ``python x.py > log.txt``
then empties ``log.txt`` before the program is there to go on. So what such a file holds is copied,
as it grows, next to the run's versions; `put_back` writes it again. A file that is appended to
(``>>``, the job's own output) is never emptied and is not copied.

Takes a folder of the run; gives nothing. Keeps: only regular files that are written from an offset
of their own are touched, and only when they are the same files by name.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING

from dartslurm import disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STREAMS = (1, 2)
_PIECE_BYTES = 1 << 20
_fstat, _lseek, _readlink = os.fstat, os.lseek, os.readlink
_join, _size = os.path.join, os.path.getsize


def keep(folder: str) -> None:
    """Copy what the files have got since the last call.

    Raises:
        StoreError: if the copy cannot be written.

    Durability:
        None of its own: a copy that is too short is made up by the program, which writes the
        rest again.
    """
    for descriptor, path in _emptied_by_shells():
        kept = _kept(folder, descriptor)
        have = _length(kept)
        if have > _fstat(descriptor).st_size:  # the program itself has shortened it
            disk.remove(kept)
            have = 0
        if have == 0:
            disk.make_folders(folder)
            disk.append(kept, b"")
        for piece in _pieces(path, have):
            disk.append(kept, piece)


def put_back(folder: str, lengths: Mapping[str, int] | None = None) -> list[str]:
    """Write again what a shell has emptied, up to the committed length (``None``: all of it).

    Returns a line for each file that was written.

    Units:
        Lengths in bytes.
    """
    lines = []
    for descriptor, path in _emptied_by_shells():
        kept = _kept(folder, descriptor)
        have = _length(kept)
        wanted = have if lengths is None else min(have, lengths.get(path, 0))
        if wanted <= 0 or _same(path, kept, wanted):
            continue
        _lseek(descriptor, 0, os.SEEK_SET)
        disk.write_all(descriptor, _pieces(kept, 0, wanted), path)
        disk.cut_file(path, wanted)
        lines.append(f"{path} had been emptied; {wanted} bytes are written again")
    return lines


def to_end() -> None:
    """Let the next line be written behind the last one, not over it."""
    for descriptor, _ in _emptied_by_shells():
        _lseek(descriptor, 0, os.SEEK_END)


def error_is_a_file() -> bool:
    """Tell whether what is said on standard error would end in a file of the user's program."""
    return _emptied_path(2) is not None


def _emptied_by_shells() -> Iterator[tuple[int, str]]:
    """The streams that are regular files and not appended to, each file once."""
    seen = set()
    for descriptor in _STREAMS:
        path = _emptied_path(descriptor)
        if path is not None and path not in seen:
            seen.add(path)
            yield descriptor, path


def _emptied_path(descriptor: int) -> str | None:
    try:
        found = _fstat(descriptor)
        appended = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
        path = _readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
    return path if not appended and stat.S_ISREG(found.st_mode) and found.st_nlink else None


def _kept(folder: str, descriptor: int) -> str:
    return _join(folder, f"stream-{descriptor}")


def _length(path: str) -> int:
    try:
        return _size(path)
    except OSError:
        return 0


def _pieces(path: str, start: int, end: int | None = None) -> Iterator[bytes]:
    with open(path, "rb") as file:
        file.seek(start)
        left = _length(path) - start if end is None else end - start
        while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
            left -= len(piece)
            yield piece


def _same(path: str, kept: str, length: int) -> bool:
    if _length(path) < length:
        return False
    pairs = zip(_pieces(path, 0, length), _pieces(kept, 0, length), strict=False)
    return all(here == there for here, there in pairs)
