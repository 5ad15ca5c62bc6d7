"""Memory for what is copied aside: used again from version to version, never more than is safe.

Takes pieces of the program's memory; gives views of copies. Fresh pages cost seven times the copy
itself, so blocks stay. One version is in flight at a time; while it is, its blocks are not used
again.

The first version is all new. Rather than let the program wait for so many fresh pages, the instant
is refused once, a thread of ours touches the pages, and the next instant finds them ready.

Where memory is short (the user's limit, the control group's or the machine's), nothing is copied:
the version is written from the program's own memory while it waits. That takes longer and cannot
kill the job.

Source:
    Measured: 78 ms/GiB into pages in use, 540 to 760 ms/GiB into fresh ones.
    ``MADV_POPULATE_WRITE`` of madvise(2), since Linux 5.14.
"""

from __future__ import annotations

from ctypes import addressof, c_char
from typing import TYPE_CHECKING

from dartslurm.errors import NotYetError
from dartslurm.interpreter.objects import advise

if TYPE_CHECKING:
    from mmap import mmap

_BLOCK_BYTES = 32 << 20
_KEPT_BYTES = 128 << 20
_FRESH_BYTES = 64 << 20
"""What may be copied into fresh pages while the program waits."""
_SHARE = 0.5
"""Of the memory that is free, what copies may take."""
_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")
_GROUPS_V1 = (
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes",
)


class Staging:
    """The blocks of one run; ``most_bytes`` is what they may take, ``None`` without a limit."""

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._blocks: list[memoryview] = []
        self._at = 0
        self._used_bytes = 0
        self._wanted_bytes = 0
        self._copies = True
        self._patient = False
        self._lacking_bytes = 0
        self._has_refused = False

    def begin(self, *, in_flight: bool, copies: bool = True, patient: bool = False) -> None:
        """Start a version; ``in_flight`` tells that the one before may still be read.

        Without ``copies`` the program does not go on before the version is written. Whoever is
        ``patient`` can come again later, see `reserve`.
        """
        if in_flight:
            self._blocks = []
        del self._blocks[-(-max(_KEPT_BYTES, self._wanted_bytes) // _BLOCK_BYTES) :]
        self._at = self._used_bytes = 0
        self._copies = copies
        self._patient = patient and copies

    def reserve(self, wanted_bytes: int) -> None:
        """Say how much is going to be copied.

        Raises:
            NotYetError: once, if there is memory for it that should be made ready first.
        """
        self._wanted_bytes = wanted_bytes
        lacking = wanted_bytes - sum(map(len, self._blocks))
        is_much = lacking > _FRESH_BYTES and self._has_room(lacking)
        self._has_refused = is_much and self._patient and not self._has_refused
        if self._has_refused:
            self._lacking_bytes = lacking
            error = NotYetError("memory for the copies is being made ready")
            error.still, error.lifted_by_us = self._is_lacking, True
            raise error

    def _is_lacking(self) -> bool:
        return self._lacking_bytes > 0

    def make_ready(self) -> bool:
        """Make one more block ready, if any is lacking; tell whether more are.

        From a thread of ours, while no version is being staged.
        """
        if self._lacking_bytes <= 0:
            return False
        try:
            if self._has_room(_BLOCK_BYTES):
                self._blocks.append(_block(_BLOCK_BYTES, is_touched=True))
                self._lacking_bytes -= _BLOCK_BYTES
            else:
                self._lacking_bytes = 0
        except BaseException:
            self._lacking_bytes = 0
            raise
        return self._lacking_bytes > 0

    def copy(self, piece: memoryview) -> memoryview | None:
        """Copy a piece aside; ``None`` where memory is too short for it, or there is no need."""
        size_bytes = len(piece)
        if not self._copies:
            return None
        while True:
            if self._at == len(self._blocks):
                block_bytes = max(size_bytes, min(_BLOCK_BYTES, self._most_bytes or _BLOCK_BYTES))
                if not self._has_room(block_bytes):
                    return None
                self._blocks.append(_block(block_bytes))
            block = self._blocks[self._at]
            if self._used_bytes + size_bytes <= len(block):
                break
            self._at, self._used_bytes = self._at + 1, 0
        target = block[self._used_bytes : self._used_bytes + size_bytes]
        target[:] = piece
        self._used_bytes += size_bytes
        return target.toreadonly()

    def _has_room(self, block_bytes: int) -> bool:
        most = self._most_bytes
        if most is not None and sum(map(len, self._blocks)) + block_bytes > most:
            return False
        free = free_bytes()
        return free is None or block_bytes <= free * _SHARE


_POPULATE_WRITE = 23


def _block(size_bytes: int, *, is_touched: bool = False) -> memoryview:
    from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

    # Not a bytearray, whose zeros would touch every page once more; not huge pages, which made the
    # first touch twice as slow where they were measured, and the copies no faster.
    memory = mmap(-1, size_bytes, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    if is_touched:
        _touch(memory)
    return memoryview(memory)


def _touch(memory: mmap) -> None:
    """Have the kernel give all pages now; where it cannot, they come as they are written."""
    advise(addressof(c_char.from_buffer(memory)), len(memory), _POPULATE_WRITE)


def free_bytes() -> int | None:
    """Return how much memory this process may still take; ``None`` when nobody says.

    Units:
        Bytes.
    """
    found = [_free_in_machine()]
    for limit, used in (_GROUPS, _GROUPS_V1):
        most, now = _number(limit), _number(used)
        if most is not None and now is not None:
            found.append(max(0, most - now))
    known = [value for value in found if value is not None]
    return min(known) if known else None


def _free_in_machine() -> int | None:
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return None


def _number(path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            return int(file.read(64))
    except (OSError, ValueError):  # "max": no limit
        return None
