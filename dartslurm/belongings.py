"""The door to the program's own files: keeps them aside and puts them back as they were.

`disk` writes what is ours, private and durable. Here the files belong to the user: names, modes and
times stay as they were, nothing is synced, and a failure is the plain `OSError`. Keeps: only
`overwrite` destroys bytes, and its caller has copied them.

The names below are bound when the module is imported, so a program that later patches ``os``
does not reach us.
"""

from __future__ import annotations

import errno
import os
from os import O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY
from os import chmod as _chmod
from os import close as _close
from os import copy_file_range as _copy_file_range
from os import dup2 as _dup2
from os import link as _link
from os import lseek as _lseek
from os import lstat as _lstat
from os import mkdir as _mkdir
from os import open as _open
from os import read as _read
from os import readlink as _readlink
from os import rename as _rename
from os import rmdir as _rmdir
from os import symlink as _symlink
from os import unlink as _unlink
from os import utime as _utime
from os import write as _write
from stat import S_ISLNK, S_ISREG

_PIECE_BYTES = 16 << 20
_NOT_BY_KERNEL = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def copy_file(source: str, target: str) -> int:
    """Copy the bytes of a file into a new one; blocks are shared where the file system can.

    Returns:
        The number of bytes.
    """
    how = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    try:
        return _copy_to(source, target, how)
    except FileExistsError:
        raise
    except OSError:
        if _exists(target):
            _unlink(target)
        raise


def overwrite(source: str, target: str) -> int:
    """Write the bytes of one file into another, which stays the file it is."""
    return _copy_to(source, target, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW)


def _copy_to(source: str, target: str, how: int) -> int:
    inward = _open(source, O_RDONLY | O_CLOEXEC)
    try:
        outward = _open(target, how, 0o600)
        try:
            return _copy(inward, outward)
        finally:
            _close(outward)
    finally:
        _close(inward)


def _exists(path: str) -> bool:
    try:
        _lstat(path)
    except OSError:
        return False
    return True


def _copy(inward: int, outward: int) -> int:
    total = 0
    try:
        while done := _copy_file_range(inward, outward, _PIECE_BYTES):
            total += done
    except OSError as error:
        if total or error.errno not in _NOT_BY_KERNEL:
            raise
    while piece := _read(inward, _PIECE_BYTES):  # also what the kernel does not count, as in /proc
        total += len(piece)
        while piece:
            piece = piece[_write(outward, piece) :]
    return total


def link_file(source: str, target: str) -> None:
    """Give a file a second name."""
    _link(source, target, follow_symlinks=False)


def move(source: str, target: str) -> None:
    """Give a name that is free to what has another, across file systems too.

    Raises:
        OSError: if it cannot be done; a folder does not go to another file system.
    """
    try:
        _rename(source, target)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    found = _lstat(source)
    if S_ISLNK(found.st_mode):
        _symlink(_readlink(source), target)
    elif S_ISREG(found.st_mode):
        copy_file(source, target)
        set_attributes(target, found.st_mode, found.st_mtime_ns)
    else:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), source)
    _unlink(source)


def reopen(path: str, position: int, descriptor: int) -> None:
    """Let a descriptor stand for a file that is read, at a position."""
    opened = _open(path, O_RDONLY | O_CLOEXEC)
    try:
        _lseek(opened, position, os.SEEK_SET)
        _dup2(opened, descriptor)
    finally:
        _close(opened)


def fill_pipe(descriptor: int, waiting: bytes) -> None:
    """Put into a pipe what had waited in it; it has room for that."""
    if waiting:
        _write(descriptor, waiting)


def stand_in_removed_folder(path: str) -> None:
    """Make the working directory one that has been removed, as another of that path had been."""
    _mkdir(path)
    os.chdir(path)
    _rmdir(path)


def make_folder(path: str, mode: int) -> None:
    """Make a folder with exactly this mode."""
    _mkdir(path)
    _chmod(path, mode & 0o7777)


def remove_folder(path: str) -> None:
    """Remove an empty folder."""
    _rmdir(path)


def make_link(path: str, target: str) -> None:
    """Make a symbolic link."""
    _symlink(target, path)


def set_attributes(path: str, mode: int, mtime_ns: int) -> None:
    """Set the mode, and the time of the last change."""
    _chmod(path, mode & 0o7777)
    _utime(path, ns=(mtime_ns, mtime_ns))
