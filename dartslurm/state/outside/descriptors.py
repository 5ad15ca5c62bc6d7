"""Bare descriptors: what ``os.open`` and ``os.pipe`` gave, under the numbers the program holds.

A number says nothing of what it is. So `watch` remembers which files ``os.open`` has opened (its
audit event has no mode, that of ``open`` has one), and a capture looks which of them lie under a
descriptor that no object of Python owns: objects that own one are rebuilt with another. A pipe
counts if no other process has an end of it; what waits in it is copied without taking it out.

In the new process the numbers are given first, before anything else can take them.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import stat
import sys
from ctypes import PyDLL, c_int, c_size_t, c_uint
from io import FileIO
from typing import Any

from dartslurm import belongings
from dartslurm.errors import is_ours, runs_in

_FIRST = 3
_LARGEST = 1 << 20
"""What a pipe holds beyond that is lost; so much is the system's limit for it."""
_USUAL = 1 << 16
"""What a pipe holds when it is made."""
_NONBLOCK = 2
"""``SPLICE_F_NONBLOCK`` of tee(2)."""
_KEPT = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | os.O_SYNC | os.O_DSYNC
_KINDS = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISCHR)

_CALLED = frozenset(("posixpath", "genericpath", "os"))
_OURS = frozenset(("dartslurm",))
_opened: set[str] = set()
"""The files that the program's ``os.open`` has opened."""
_open, _close, _read, _pipe = os.open, os.close, os.read, os.pipe


def watch() -> None:
    """Hear of ``os.open`` from now to the end of the process."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    is_bare = event == "open" and arguments[1] is None
    if not is_bare and (event != "os.rename" or not _opened):
        return
    try:
        if is_bare:
            if type(arguments[0]) is not int and not runs_in(sys._getframe(1), _OURS):
                _opened.add(_path(arguments[0]))
        elif _path(arguments[0]) in _opened:
            _opened.add(_path(arguments[1]))
    except BaseException as error:
        if not is_ours(error, _CALLED):
            raise


def _path(name: Any) -> str:
    return os.path.realpath(os.fsdecode(name))


def collect() -> dict[str, Any]:
    """Return the bare descriptors, as plain JSON."""
    files, ends = [], []
    for number in _numbers():
        try:
            path = os.readlink(f"/proc/self/fd/{number}")
            if path not in _opened and not path.startswith("pipe:"):
                continue
            mode = os.fstat(number).st_mode
            flags = fcntl.fcntl(number, fcntl.F_GETFL)
        except OSError:
            continue
        row = {"number": number, "path": path, "flags": flags & _KEPT,
               "inheritable": os.get_inheritable(number)}  # fmt: skip
        if stat.S_ISFIFO(mode):
            ends.append(row)
        elif any(is_kind(mode) for is_kind in _KINDS):
            is_file = stat.S_ISREG(mode)
            files.append({**row, "at": os.lseek(number, 0, os.SEEK_CUR) if is_file else None})
    pipes = _closed_pipes(ends)
    owned = _owned() if files or pipes else ()
    return {
        "files": [row for row in files if row["number"] not in owned],
        "pipes": [
            {"ends": rows, "waiting": _waiting(rows)}
            for rows in pipes
            if not any(row["number"] in owned for row in rows)
        ],
    }


def _numbers() -> list[int]:
    return sorted(n for n in map(int, os.listdir("/proc/self/fd")) if n >= _FIRST)


def _closed_pipes(ends: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the ends of each pipe that is read and written here, or whose other end is closed."""
    by_pipe: dict[str, list[dict[str, Any]]] = {}
    for row in ends:
        by_pipe.setdefault(row["path"], []).append(row)
    ways = {os.O_RDONLY, os.O_WRONLY}
    return [
        rows
        for rows in by_pipe.values()
        if {_way(row) for row in rows} == ways or _is_cut(rows[0]["number"])
    ]


def _is_cut(number: int) -> bool:
    """Tell whether the other end of a pipe is closed everywhere."""
    poll = select.poll()
    poll.register(number, 0)
    return any(found & (select.POLLHUP | select.POLLERR) for _, found in poll.poll(0))


def _way(row: dict[str, Any]) -> int:
    return int(row["flags"]) & os.O_ACCMODE


def _owned() -> set[int]:
    """Return the descriptors that objects own: files, and connections of `multiprocessing`."""
    found = set()
    connection = getattr(sys.modules.get("multiprocessing.connection"), "_ConnectionBase", FileIO)
    for obj in gc.get_objects():
        cls = type(obj)
        if issubclass(cls, FileIO):
            if not FileIO.closed.__get__(obj):
                found.add(FileIO.fileno(obj))
        elif issubclass(cls, connection):
            found.add(vars(obj).get("_handle"))
    return found


def _waiting(rows: list[dict[str, Any]]) -> str:
    """Return what can be read from a pipe, as hexadecimal text, and leave it there."""
    reader = next((row["number"] for row in rows if _way(row) == os.O_RDONLY), None)
    if reader is None:
        return ""
    tee = PyDLL(None).tee
    tee.argtypes = [c_int, c_int, c_size_t, c_uint]
    out, into = _pipe()
    try:
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ))
        count = tee(reader, into, _LARGEST, _NONBLOCK)
        return _read(out, count).hex() if count > 0 else ""
    finally:
        _close(out)
        _close(into)


def restore(found: dict[str, Any] | None) -> list[str]:
    """Give the descriptors their numbers again; return a line for each that cannot be had."""
    ready: list[tuple[int, dict[str, Any]]] = []
    notes = []
    for row in (found or {}).get("files", ()):
        try:
            descriptor = _high(_open(row["path"], row["flags"]))
        except OSError as error:
            notes.append(f"descriptor {row['number']} is lost: {row['path']}: {error.strerror}")
            continue
        if row["at"] is not None:
            os.lseek(descriptor, row["at"], os.SEEK_SET)
        ready.append((descriptor, row))
        _opened.add(row["path"])
    for pipe in (found or {}).get("pipes", ()):
        ends = dict(zip((os.O_RDONLY, os.O_WRONLY), map(_high, _pipe()), strict=True))
        waiting = bytes.fromhex(pipe["waiting"])
        if len(waiting) > _USUAL:
            fcntl.fcntl(ends[os.O_WRONLY], fcntl.F_SETPIPE_SZ, len(waiting))
        belongings.fill_pipe(ends[os.O_WRONLY], waiting)
        for row in pipe["ends"]:
            descriptor = _high(os.dup(ends[_way(row)]))
            fcntl.fcntl(descriptor, fcntl.F_SETFL, row["flags"])
            ready.append((descriptor, row))
        for end in ends.values():
            _close(end)
    return notes + [note for descriptor, row in ready for note in _put(descriptor, row)]


def _high(descriptor: int) -> int:
    """Move a descriptor out of the way of the others."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _numbers()[-1] + 1)
    _close(descriptor)
    return high


def _put(descriptor: int, row: dict[str, Any]) -> list[str]:
    """Give a descriptor its number, if that is free here."""
    number = row["number"]
    is_free = not os.path.exists(f"/proc/self/fd/{number}")
    if is_free:
        os.dup2(descriptor, number, row["inheritable"])
    _close(descriptor)
    return [] if is_free else [f"descriptor {number} is lost ({row['path']}): the number is taken"]
