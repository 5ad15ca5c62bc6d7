"""What ``os.scandir`` gives: entries of a folder, and the iterator that has not come to all."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from dartslurm.state.guard import make_lost
from dartslurm.state.memory import pointer_at, word_at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from dartslurm.state.contract import Reduction, Writer

_scandir = os.scandir
_NAME_AT = 19
"""Offset of ``d_name`` in ``struct dirent`` (``bits/dirent.h``, 64 bits)."""


def _folder_call(name: str, result: Any, *arguments: Any) -> Any:
    call = ctypes.CDLL(None)[name]
    call.restype, call.argtypes = result, arguments
    return call


_dirfd = _folder_call("dirfd", ctypes.c_int, ctypes.c_void_p)
_tell = _folder_call("telldir", ctypes.c_long, ctypes.c_void_p)
_open = _folder_call("opendir", ctypes.c_void_p, ctypes.c_char_p)
_seek = _folder_call("seekdir", None, ctypes.c_void_p, ctypes.c_long)
_read = _folder_call("readdir", ctypes.c_void_p, ctypes.c_void_p)
_close = _folder_call("closedir", ctypes.c_int, ctypes.c_void_p)


def reduce_entry(entry: os.DirEntry[Any], _writer: Writer) -> Reduction:
    """Reduce an entry of a folder: it is looked up again."""
    return make_entry, (entry.path, entry.name)


def make_entry(path: Any, name: Any) -> Any:
    """Rebuild an entry of a folder; a placeholder if it is not there any more."""
    folder = path[: len(path) - len(name)] or ("." if isinstance(path, str) else b".")
    try:
        with _scandir(folder) as entries:
            found = next((entry for entry in entries if entry.path == path), None)
    except OSError:
        found = None
    return found or make_lost("DirEntry", f"{path!r} is not there any more")


class Entries:
    """Goes on for an ``os.scandir``: gives the names that were left, those that are still there."""

    def __init__(self, folder: Any, names: Iterable[Any]) -> None:
        self.folder, self.names = folder, list(names)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        while self.names:
            path = os.path.join("." if self.folder is None else self.folder, self.names[0])
            entry = make_entry(path, self.names.pop(0))
            if isinstance(entry, os.DirEntry):
                return entry
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give nothing more."""
        self.names.clear()


def reduce_scan(scan: Any, writer: Writer) -> Reduction:
    """Reduce an ``os.scandir``: its folder, and the names that it has not given.

    Source:
        ``ScandirIterator`` and ``path_t``, ``Modules/posixmodule.c`` (3.11 to 3.13): the folder is
        the path's last field but one, the open directory comes next.
    """
    end = type(scan).__basicsize__
    folder, handle = pointer_at(scan, end - 32), word_at(scan, end - 16)
    if not handle:  # closed, or at its end
        return Entries, (None, ())
    if not isinstance(folder, (str, bytes, type(None))):
        return writer.refuse(scan, "a scan of a descriptor")
    names = _names_left(handle)
    return Entries, (folder, names if isinstance(folder, bytes) else [*map(os.fsdecode, names)])


def _names_left(handle: int) -> list[bytes]:
    """Read on behind ``handle`` with a handle of our own, so that the program's does not move."""
    own = _open(b"/proc/self/fd/%d" % _dirfd(handle))
    if not own:
        return []
    found = []
    _seek(own, _tell(handle))
    while row := _read(own):
        found.append(ctypes.string_at(row + _NAME_AT))
    _close(own)
    return [name for name in found if name not in (b".", b"..")]


def reduce_entries(entries: Entries, _writer: Writer) -> Reduction:
    """Reduce what goes on for an ``os.scandir``."""
    return Entries, (entries.folder, entries.names)


def _scan_type() -> Any:
    with _scandir("/") as scan:
        return type(scan)


REDUCERS: dict[type, Any] = {
    os.DirEntry: reduce_entry,
    _scan_type(): reduce_scan,
    Entries: reduce_entries,
}
