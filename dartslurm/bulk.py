"""Many bytes at once: what one call of the disk takes, and the way past the page cache.

Takes and gives views of memory. It reads, and writes with what `dartslurm.disk` hands it, which is
the one that writes and says what went wrong.

A program's state is written once and read by another process, if ever, often on another node: in
the page cache it would only drive out what the program reads, and count against the memory of the
job. Past it the processor has a tenth of the work. The price is alignment: memory, place and
length must be whole pages. So what is written is gathered in one block a thread, used again and
again, and what is read lies in the file as it will lie in memory (``Draft.store``).

Every file system may refuse, at any step (tmpfs, some network mounts): then it is done as ever.

Source:
    Measured, per GiB: 1.1 s of processor time into fresh pages of the cache, 0.2 s past it.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock
from contextlib import suppress
from ctypes import addressof, c_char
from errno import EINVAL
from fcntl import F_GETFL, F_SETFL
from fcntl import fcntl as _fcntl
from mmap import PAGESIZE, mmap
from os import O_CLOEXEC, O_DIRECT, O_RDONLY, RWF_NOWAIT
from os import close as _close
from os import open as _open
from os import preadv as _preadv
from typing import TYPE_CHECKING

from dartslurm.aside import begin_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


PIECES_PER_CALL = 256
"""Buffers handed to one call; Linux takes at most 1024 (IOV_MAX)."""

BLOCK_BYTES = 8 << 20
"""Small pieces are gathered up to here, so that many tiny chunks are not as many calls."""


def _flat(pieces: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    """Give each piece that is not empty as plain bytes."""
    for piece in pieces:
        view = memoryview(piece)
        if view.nbytes:
            yield view if view.format == "B" and view.ndim == 1 else view.cast("B")


def drop_done(views: list[memoryview], done_bytes: int) -> None:
    """Take bytes that are done from the front of a list of views."""
    while done_bytes:
        first = views[0]
        if first.nbytes > done_bytes:
            views[0] = first[done_bytes:]
            return
        done_bytes -= first.nbytes
        del views[0]


def in_batches(pieces: Iterable[bytes | memoryview]) -> Iterator[list[memoryview]]:
    """Gather pieces as they are, as many as one call should take; the list may be changed."""
    batch: list[memoryview] = []
    waiting_bytes = 0
    for view in _flat(pieces):
        batch.append(view)
        waiting_bytes += len(view)
        if len(batch) == PIECES_PER_CALL or waiting_bytes >= BLOCK_BYTES:
            yield batch
            batch, waiting_bytes = [], 0
    if batch:
        yield batch


class Blocks:
    """Pieces as blocks of `BLOCK_BYTES`, the last one shorter; several threads may ask."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self.given_bytes = 0
        self._views = _flat(pieces)
        self._rest = memoryview(b"")
        self._asking = allocate_lock()

    def fill(self, room: memoryview) -> tuple[int, memoryview]:
        """Copy the next block into a room of its size; give its place in the whole, and it."""
        with self._asking:
            filled, place = 0, self.given_bytes
            while filled < len(room):
                self._rest = self._rest or next(self._views, self._rest)
                if not self._rest:
                    break
                part = self._rest[: len(room) - filled]
                self._rest = self._rest[len(part) :]
                room[filled : filled + len(part)] = part
                filled += len(part)
            self.given_bytes += filled
            return place, room[:filled]


def together(jobs: Sequence[Callable[[], object]], threads: int) -> None:
    """Do jobs in a few threads, of which ``threading`` does not know; raise the first error.

    The caller's is one of them, and the only one where the system gives no more.
    """
    waiting, taking = iter(jobs), allocate_lock()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while not errors:
                with taking:
                    job = next(waiting, None)
                if job is None:
                    return
                job()
        except BaseException as error:
            errors.append(error)

    ends = [end for end in (_begin(work) for _ in range(min(threads, len(jobs)) - 1)) if end]
    work()
    for end in ends:
        end.acquire()
    if errors:
        raise errors[0]


def _begin(work: Callable[[], None]) -> LockType | None:
    """Begin a thread; give the lock that it frees at its end, ``None`` where there is no thread."""
    end = allocate_lock()
    end.acquire()

    def run() -> None:
        try:
            work()
        finally:
            end.release()

    try:
        begin_thread(run)
    except RuntimeError:
        return None
    return end


def write_direct(
    fd: int,
    pieces: Iterable[bytes | memoryview],
    write: Callable[[int, list[memoryview], int], int],
    *,
    threads: int,
) -> int:
    """Write every piece in order, past the page cache where the file system takes that.

    ``write`` writes views at a place and gives the bytes that it wrote, as `os.pwritev`.

    Units:
        The returned length is bytes.
    """
    blocks = Blocks(pieces)

    def work() -> None:
        room = memoryview(mmap(-1, BLOCK_BYTES))
        while True:
            offset, view = blocks.fill(room)
            if not view:
                return
            if len(view) < BLOCK_BYTES:  # the end, which is not a whole page
                _leave_direct(fd)
            _write_at(fd, view, offset, write)

    with suppress(OSError):
        _fcntl(fd, F_SETFL, _fcntl(fd, F_GETFL) | O_DIRECT)
    together([work] * threads, threads)
    return blocks.given_bytes


def _leave_direct(fd: int) -> None:
    """Write through the page cache from here on."""
    _fcntl(fd, F_SETFL, _fcntl(fd, F_GETFL) & ~O_DIRECT)


def _write_at(
    fd: int, view: memoryview, offset: int, write: Callable[[int, list[memoryview], int], int]
) -> None:
    while view:
        try:
            done_bytes = write(fd, [view], offset)
        except OSError as cause:
            if cause.errno != EINVAL:
                raise
            # Another size of pages than ours, or a short write that did not end with one.
            _leave_direct(fd)
            done_bytes = write(fd, [view], offset)
        view, offset = view[done_bytes:], offset + done_bytes


def read_direct(fd: int, view: memoryview, offset: int) -> tuple[int, int]:
    """Fill a part of a view past the page cache, where that holds nothing of it.

    Only if the view begins as far into a page of memory as the offset into one of the file.

    Returns:
        Where the part that was filled begins and ends; an error is left to who reads the rest.
    """
    if len(view) < PAGESIZE or addressof(c_char.from_buffer(view)) % PAGESIZE != offset % PAGESIZE:
        return 0, 0
    begin = end = -offset % PAGESIZE
    last = begin + (len(view) - begin) // PAGESIZE * PAGESIZE
    if last <= begin or _is_cached(fd, offset + begin):
        return 0, 0
    with suppress(OSError):
        direct = _open(f"/proc/self/fd/{fd}", O_RDONLY | O_CLOEXEC | O_DIRECT)
        try:
            while end < last:
                got = _preadv(direct, [view[end:last]], offset + end)
                if got <= 0 or got % PAGESIZE:
                    break
                end += got
        finally:
            _close(direct)
    return begin, end


def _is_cached(fd: int, offset: int) -> bool:
    with suppress(OSError):
        return bool(_preadv(fd, [bytearray(1)], offset, RWF_NOWAIT))
    return False
