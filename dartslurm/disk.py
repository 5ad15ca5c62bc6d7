"""The door to the file system: the only module that writes, syncs, links, renames or removes.

Takes paths and bytes; gives files that are ours alone (folders 0700, files 0600, whatever the
umask) and durable where a function says so. Every failure becomes one `StoreError` that names the
path and what to do; no descriptor and no half-written file is left behind.

All calls to the operating system go through the private names below. They are bound when the
module is imported, so a program that later patches ``os`` does not reach us, and the crash tests
record, fail or kill each call by replacing exactly these names.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from fcntl import F_DUPFD_CLOEXEC
from fcntl import fcntl as _fcntl
from os import O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY
from os import chmod as _chmod
from os import close as _close
from os import fchmod as _fchmod
from os import fdatasync as _fdatasync
from os import fstat as _fstat
from os import fsync as _fsync
from os import ftruncate as _ftruncate
from os import link as _link
from os import listdir as _listdir
from os import lstat as _lstat
from os import mkdir as _mkdir
from os import open as _open
from os import preadv as _preadv
from os import pwritev as _pwritev
from os import rename as _rename
from os import rmdir as _rmdir
from os import unlink as _unlink
from os import urandom as _urandom
from os import writev as _writev
from os.path import dirname as _dirname
from stat import S_IMODE, S_ISDIR
from typing import TYPE_CHECKING

from dartslurm.bulk import PIECES_PER_CALL, drop_done, in_batches, read_direct, write_direct
from dartslurm.errors import CorruptError, StoreError, store_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import stat_result

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_HIGH = 100


@contextmanager
def _named(action: str, path: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a `StoreError`; ours pass."""
    try:
        yield
    except StoreError:
        raise
    except OSError as cause:
        raise store_error(action, path, cause) from cause


def make_folder(path: str) -> bool:
    """Make one folder for us alone; tell whether it is new.

    Raises:
        StoreError: if it cannot be made.

    Durability:
        None until `sync_folder` of its parent.
    """
    with _named("make folder", path):
        try:
            _mkdir(path, FOLDER_MODE)
        except FileExistsError:
            return False
        if S_IMODE(_lstat(path).st_mode) != FOLDER_MODE:  # an umask that takes our own bits
            _chmod(path, FOLDER_MODE)
        return True


def make_folders(path: str) -> None:
    """Make a folder and the missing ones above it, each for us alone.

    Durability:
        Each new folder's name is on disk when this returns.
    """
    if look(path) is not None:
        return
    above = _dirname(path)
    if above and above != path:
        make_folders(above)
    if make_folder(path):
        sync_folder(above or ".")


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    with _named("sync folder", path):
        _sync_path(path, O_DIRECTORY)


def sync_tree(path: str) -> None:
    """Make a file, or a folder with all that lies in it, durable; its own name is not."""
    with _named("sync", path):
        if S_ISDIR(_lstat(path).st_mode):
            for name in _listdir(path):
                sync_tree(f"{path}/{name}")
        _sync_path(path)


def _sync_path(path: str, kind: int = 0) -> None:
    fd = _open(path, O_RDONLY | O_CLOEXEC | kind)
    try:
        _fsync(fd)
    finally:
        _close(fd)


def folder_names(path: str) -> list[str]:
    """List the names in a folder, in no order; a missing folder has none."""
    with _named("list", path):
        try:
            return _listdir(path)
        except FileNotFoundError:
            return []


def look(path: str) -> stat_result | None:
    """Describe a name without following a link; ``None`` if it is missing."""
    with _named("look at", path):
        try:
            return _lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None


def create_file(path: str) -> int:
    """Open a new file of ours for writing; it must not exist.

    Returns:
        A descriptor that the caller closes with `close_file`.
    """
    how = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW
    with _named("create", path):
        fd = _open(path, how, FILE_MODE)
        try:
            _fix_mode(fd)
        except BaseException:
            _close(fd)
            discard(path)
            raise
        return fd


def _fix_mode(fd: int) -> None:
    """Undo an umask that takes our own bits; never ask for the umask, it belongs to the program."""
    if S_IMODE(_fstat(fd).st_mode) != FILE_MODE:
        _fchmod(fd, FILE_MODE)


def write_all(fd: int, pieces: Iterable[bytes | memoryview], path: str) -> int:
    """Write every piece in order, without joining them in memory.

    Units:
        The returned length is bytes.
    """
    total = 0
    with _named("write", path):
        for batch in in_batches(pieces):
            total += sum(len(view) for view in batch)
            _write_batch(fd, batch)
    return total


def _write_batch(fd: int, batch: list[memoryview]) -> None:
    """Write the batch and empty it; a short write goes on where it stopped.

    The kernel cuts a call that is too large short by itself (at 2 GiB less a page).
    """
    while batch:
        drop_done(batch, _writev(fd, batch))


def sync_file(fd: int, path: str) -> None:
    """Make a file's bytes and length durable (not its name: see `sync_folder`).

    A failed sync is never tried again on the same file: the kernel may have dropped the pages and
    would call the second try a success. The caller throws the file away instead.
    """
    with _named("sync", path):
        _fdatasync(fd)


def close_file(fd: int) -> None:
    """Close a descriptor; a late error has been seen by the sync before it."""
    with suppress(OSError):
        _close(fd)


def write_new(
    path: str, pieces: Iterable[bytes | memoryview], *, durable: bool = True, bulk: int = 0
) -> int:
    """Write a file that must not exist; leave nothing behind on failure.

    As ``bulk`` it is written past the page cache, by so many threads.

    Units:
        The returned length is bytes.

    Durability:
        The bytes, when ``durable``; the name only after `sync_folder`.
    """
    fd = create_file(path)
    try:
        if bulk:
            with _named("write", path):
                written_bytes = write_direct(fd, pieces, _pwritev, threads=bulk)
        else:
            written_bytes = write_all(fd, pieces, path)
        if durable:
            sync_file(fd, path)
    except BaseException:
        close_file(fd)
        discard(path)
        raise
    close_file(fd)
    return written_bytes


def link_new(source: str, target: str) -> bool:
    """Give a file a second name that nobody has yet; ``False`` if another file has it.

    On a network file system the reply of a link that worked can be lost and the retry then finds
    the name taken; so the two names are compared before that is called a conflict.

    Durability:
        None until `sync_folder` of the target's folder.
    """
    with _named("link", target):
        try:
            _link(source, target)
        except FileExistsError:
            ours, theirs = _lstat(source), _lstat(target)
            return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
        return True


def replace_file(path: str, content: bytes, *, durable: bool = True) -> None:
    """Put a file in place of whatever had its name; readers see the old one or the new one.

    Durability:
        Bytes and name, when ``durable``.
    """
    draft = f"{path}.{_urandom(6).hex()}.tmp"
    write_new(draft, [content], durable=durable)
    try:
        rename(draft, path)
    except BaseException:
        discard(draft)
        raise
    if durable:
        sync_folder(_dirname(path) or ".")


def append(path: str, content: bytes) -> None:
    """Add bytes to the end of a file of ours in one write, making the file if needed.

    Durability:
        None.
    """
    with _named("append to", path):
        how = O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW
        fd = _open(path, how, FILE_MODE)
        try:
            _fix_mode(fd)
            _write_batch(fd, [memoryview(content)] if content else [])
        finally:
            close_file(fd)


def rename(source: str, target: str) -> None:
    """Rename within one file system, replacing the target; durable after `sync_folder`."""
    with _named("rename to", target):
        _rename(source, target)


def cut_file(path: str, length_bytes: int) -> None:
    """Shorten a file to a length; durable when it returns."""
    with _named("cut", path):
        fd = _open(path, O_WRONLY | O_CLOEXEC)
        try:
            _ftruncate(fd, length_bytes)
            _fsync(fd)
        finally:
            close_file(fd)


def remove(path: str) -> bool:
    """Remove a file; ``False`` if there was none."""
    with _named("remove", path):
        try:
            _unlink(path)
        except FileNotFoundError:
            return False
        return True


def discard(path: str) -> None:
    """Remove a draft, or a folder of drafts, as far as possible; never raises."""
    with suppress(OSError):
        try:
            _unlink(path)
        except IsADirectoryError:
            _discard_folder(path)


def _discard_folder(path: str) -> None:
    with suppress(OSError):
        for name in _listdir(path):
            discard(f"{path}/{name}")
        _rmdir(path)


def open_file(path: str) -> int | None:
    """Open for reading, not through a symbolic link; ``None`` if there is no such file."""
    with _named("open", path):
        try:
            fd = _open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        except FileNotFoundError:
            return None
    with suppress(OSError):  # the low numbers are for the descriptors that a program had
        low, fd = fd, _fcntl(fd, F_DUPFD_CLOEXEC, _HIGH)
        _close(low)
    return fd


def file_stat(fd: int, path: str) -> stat_result:
    """Describe an open file."""
    with _named("look at", path):
        return _fstat(fd)


def read_into(fd: int, views: Sequence[memoryview], offset: int, path: str) -> None:
    """Fill the views from an offset on.

    Raises:
        CorruptError: if the file ends before.
        StoreError: if it cannot be read.
    """
    waiting = [view for view in views if view.nbytes]
    with _named("read", path):
        while waiting:
            got = _preadv(fd, waiting[:PIECES_PER_CALL], offset)
            if got == 0:
                raise CorruptError(f"{path} ends at byte {offset}, more was expected")
            offset += got
            drop_done(waiting, got)


def read_bulk(fd: int, view: memoryview, offset: int, path: str) -> None:
    """Fill a view as `read_into` does, past the page cache where `bulk.read_direct` can."""
    begin, end = read_direct(fd, view, offset)
    read_into(fd, [view[:begin]], offset, path)
    read_into(fd, [view[end:]], offset + end, path)


def read_file(path: str, limit_bytes: int) -> bytes | None:
    """Read a small file whole; ``None`` if it is missing.

    Raises:
        CorruptError: if it is larger than the limit.
    """
    fd = open_file(path)
    if fd is None:
        return None
    try:
        size_bytes = file_stat(fd, path).st_size
        if size_bytes > limit_bytes:
            raise CorruptError(f"{path} has {size_bytes} bytes, at most {limit_bytes} are expected")
        content = bytearray(size_bytes)
        read_into(fd, [memoryview(content)], 0, path)
        return bytes(content)
    finally:
        close_file(fd)


def read_end(path: str, most_bytes: int) -> bytes:
    """Read the last bytes of a file; none if it is missing."""
    fd = open_file(path)
    if fd is None:
        return b""
    try:
        size_bytes = file_stat(fd, path).st_size
        content = bytearray(min(size_bytes, most_bytes))
        read_into(fd, [memoryview(content)], size_bytes - len(content), path)
        return bytes(content)
    finally:
        close_file(fd)
