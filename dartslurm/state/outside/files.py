"""Files that the program writes: their committed length, and what came after it.

`watch` listens to every ``open`` for writing from the first line on; it is told with
the file's length before. `collect` notes the length of each file at the commit (call it after
the pickling, which flushes the writers). At resume `restore` cuts every file back to that length
and moves what came later into a folder, where nothing is lost. A file that was *overwritten* after
the commit keeps its new content: the program writes it again when it comes by.
"""

from __future__ import annotations

import ctypes
import gc
import io
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from dartslurm import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WRITES = os.O_WRONLY | os.O_RDWR
_NOT_OURS = ("/dev/", "/proc/", "/sys/")
_STREAMS = (1, 2)
_BUFFERING = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_stat, _getcwd, _fsdecode = os.stat, os.getcwd, os.fsdecode
_join, _normal = os.path.join, os.path.normpath

_opened: dict[str, int] = {}
"""Paths opened for writing, with their length before."""
_shared: list[str] = []
"""The job's own output, which its shell writes while none of its programs runs."""


def watch(
    journal_write: Callable[[str, int], None],
    ignore: tuple[str, ...] = (),
    shared: tuple[str, ...] = (),
) -> None:
    """Listen to files being opened for writing, from now to the end of the process.

    ``journal_write`` gets the path of each file before it is opened so for the first time, and its
    length then (-1: there is none). ``ignore`` are folders of ours. ``shared`` are files that
    others of the same job write, and whose length belongs to a commit as well.
    """
    _shared.extend(shared)
    skipped = (*_NOT_OURS, *(_join(folder, "") for folder in ignore))

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        try:
            _note(arguments, skipped, journal_write)
        except Exception:
            return

    sys.addaudithook(hear)


def _note(
    arguments: tuple[Any, ...], skipped: tuple[str, ...], journal_write: Callable[[str, int], None]
) -> None:
    name, _, flags = arguments
    if not isinstance(flags, int) or not flags & _WRITES or isinstance(name, int):
        return
    path = _normal(_join(_getcwd(), _fsdecode(name)))
    if path in _opened or path.startswith(skipped) or path.endswith(".pyc"):
        return
    length = _length(path)
    _opened[path] = length
    journal_write(path, length)


def _length(path: str) -> int:
    try:
        return _stat(path).st_size
    except OSError:
        return -1


def collect() -> dict[str, Any]:
    """Return the length of every regular file that the program writes, as plain JSON.

    Units:
        Lengths in bytes.
    """
    _flush_streams()
    lengths = {}
    for path in list(_opened):
        try:
            found = _stat(path)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            lengths[path] = found.st_size
    piped = False
    for descriptor in _STREAMS:
        try:
            found = os.fstat(descriptor)
            path = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink:
            lengths[path] = found.st_size
        piped = piped or stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    if not piped:  # else a reader may still have lines of ours to write there
        lengths.update((path, _length(path)) for path in _shared if _length(path) >= 0)
    return {"lengths": lengths}


def flush_open_files() -> None:
    """Write out what open files still hold, at the program's end.

    The interpreter does so when it destroys them; a reference of ours must not be what prevents it.
    """
    for found in gc.get_objects():
        if type(found) in _BUFFERING:
            try:
                if not found.closed and found.writable():
                    found.flush()
            except (OSError, ValueError):
                continue


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    ctypes.CDLL(None).fflush(None)  # what C libraries printed


def restore(found: dict[str, Any], opened: Mapping[str, int], folder: str) -> list[str]:
    """Cut files back to their committed length; keep everything cut in ``folder``.

    ``opened`` is what `watch` told, up to now: a file that the commit did not know is cut back to
    its length then, or moved away when it did not exist. Returns a line for each file that was
    changed, or is not as it was committed.

    Units:
        Lengths in bytes.

    Durability:
        A tail is written and synced before its file is cut.
    """
    lengths = dict(found.get("lengths", {}))
    later = {path: length for path, length in opened.items() if path not in lengths}
    lines = [_cut_back(path, length, folder) for path, length in lengths.items()]
    lines += [_cut_back(path, length, folder) for path, length in later.items() if length >= 0]
    for path in (path for path, length in later.items() if length < 0 and _is_regular(path)):
        kept = _free_name(folder, path)
        _move(path, kept)
        lines.append(f"{path} was made after the commit; it is kept as {kept}")
    for path, length in lengths.items():
        _opened.setdefault(path, length)
    return [line for line in lines if line]


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _cut_back(path: str, length: int, folder: str) -> str | None:
    if not _is_regular(path):
        return f"{path} is gone; it had {length} bytes at the commit"
    size = _stat(path).st_size
    if size < length:
        return f"{path} has {size} bytes; it had {length} at the commit"
    if size == length:
        return None
    kept = _free_name(folder, path)
    _copy_tail(path, length, kept)
    disk.cut_file(path, length)
    return f"{path} cut back from {size} to {length} bytes; the rest is kept as {kept}"


def _free_name(folder: str, path: str) -> str:
    disk.make_folders(folder)
    name, number = os.path.basename(path), 1
    while _length(_join(folder, f"{name}.{number}")) >= 0:
        number += 1
    return _join(folder, f"{name}.{number}")


def _copy_tail(path: str, offset: int, kept: str) -> None:
    with open(path, "rb") as file:
        file.seek(offset)
        disk.write_new(kept, iter(lambda: file.read(1 << 20), b""))


def _move(path: str, kept: str) -> None:
    _copy_tail(path, 0, kept)
    disk.remove(path)
