"""Open files: reopened by their absolute path, in their mode, at their exact position.

Each layer (text, buffer, raw file) is an object of its own, rebuilt over the one below, so a
program that holds ``f`` and ``f.buffer`` keeps both. Writers are flushed first, but not into
what lies in memory or is the program's own: it may be pickled by now. A reopened file is never
truncated (the capture cuts it back to its committed length, see `outside.written`). A file
without a name any more (a temporary one) brings its content. Standard streams go by name.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.textio import (
    BufferState,
    Waiting,
    asked_of_buffer,
    buffer_state,
    is_iterated,
    over_buffer,
    over_raw,
    put_waiting_text,
    stop_telling,
    tell,
    waiting_text,
)
from dartslurm.state.contract import veto
from dartslurm.state.guard import make_lost
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_open, _pread = os.open, os.pread
_NEWLINE = 64
"""Offset of ``readnl`` in a ``TextIOWrapper`` (3.11 to 3.13)."""
_BUFFERS = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)
_wanted: dict[int, int] = {}
_DELETED = " (deleted)"

RECREATED = True


def claim(cls: type) -> Reducer | None:
    """Take the classes of files and those built on them."""
    for base, reducer in REDUCERS.items():
        if issubclass(cls, base):
            found: Reducer = reducer
            return found
    return None


def reduce_raw(file: io.FileIO, writer: Writer) -> Reduction:
    """Reduce a raw file."""
    known = writer.known(file)
    if known is not None:
        return known
    if io.FileIO.closed.__get__(file):
        return make_closed, (io.FileIO, file.__dict__, None)
    descriptor = io.FileIO.fileno(file)
    state = os.fstat(descriptor)
    if isinstance(file.name, int) and file.name <= 2:
        return io.FileIO, (file.name, file.mode, False)
    if stat.S_ISFIFO(state.st_mode) or stat.S_ISSOCK(state.st_mode):
        return writer.refuse(file, f"{file.name!r} is a pipe or socket")
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    own = f"/proc/{os.getpid()}/"
    if path.startswith(own):
        path = "/proc/self/" + path.removeprefix(own)
    position = os.lseek(descriptor, 0, os.SEEK_CUR) if stat.S_ISREG(state.st_mode) else None
    if path.endswith(_DELETED) or state.st_nlink == 0:
        content = _pread(descriptor, state.st_size, 0)
        return make_unnamed, (path.removesuffix(_DELETED), content, position, file.mode)
    return make_raw, (type(file), path, file.mode, position, file.__dict__)


def make_raw(
    cls: type[io.FileIO], path: str, mode: str, position: int | None, namespace: dict[str, Any]
) -> Any:
    """Reopen a file; a placeholder when it is gone."""

    def opener(_name: str, flags: int) -> int:
        return _open(path, flags & ~(os.O_TRUNC | os.O_EXCL | os.O_CREAT))

    try:
        file = cls(path, mode, opener=opener)
    except OSError as error:
        return make_lost("file", f"{path} cannot be opened again ({error.strerror})")
    file.__dict__.update(namespace)
    if position is not None:
        os.lseek(file.fileno(), position, os.SEEK_SET)
    return file


def make_unnamed(path: str, content: bytes, position: int | None, _mode: str) -> Any:
    """Rebuild a temporary file that no folder names."""
    folder = os.path.dirname(path)
    made = tempfile.TemporaryFile(  # noqa: SIM115  the program closes it
        buffering=0, dir=folder if os.path.isdir(folder) else None
    )
    made.write(content)
    made.seek(position or 0)
    return made


def _raw_namespace(buffer: Any) -> dict[str, Any] | None:
    raw = getattr(buffer, "raw", None)
    return raw.__dict__ if isinstance(raw, io.FileIO) else None


def make_closed(cls: type, namespace: dict[str, Any] | None, below: dict[str, Any] | None) -> Any:
    """Rebuild a closed file; it still knows its name."""
    raw = io.FileIO(os.devnull, "r+")
    file: Any = raw
    if cls is io.TextIOWrapper:
        file = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8")
    elif cls is not io.FileIO:
        file = cls(raw)
    file.close()
    raw.__dict__.update(below or {})  # among it the mark of being closed
    if namespace:
        file.__dict__.update(namespace)
    return file


def reduce_buffer(buffer: Any, writer: Writer) -> Reduction:
    """Reduce a buffered file."""
    known = writer.known(buffer)
    if known is not None:
        return known
    try:
        raw, closed = buffer.raw, buffer.closed
    except ValueError:
        return writer.refuse(buffer, "a buffer that was detached from its file")
    if closed:
        return make_closed, (type(buffer), buffer.__dict__, raw.__dict__)
    size = max(sys.getsizeof(buffer) - type(buffer).__basicsize__ - _gc_header(buffer), 1)
    if not isinstance(raw, io.FileIO) and not _is_decompressor(raw):
        # What is below may have been pickled already, and may be an object of the program's.
        return make_over_raw, (type(buffer), raw, size, buffer_state(buffer), buffer.__dict__)
    if not isinstance(buffer, io.BufferedReader):
        buffer.flush()
    _let_reader_end(buffer, raw)
    position = buffer.tell() if buffer.seekable() else None
    _wanted.clear()
    if position is not None and type(raw) is not io.FileIO:
        _wanted[id(raw)] = position
    return make_buffer, (type(buffer), raw, size, position, buffer.__dict__)


def _let_reader_end(file: Any, raw: Any) -> None:
    """Wait while the program is half through what the kernel writes as it is read.

    Another process gets another text, and the same place is in the middle of a line; to ask for the
    place by reading again would tear the lines of this very process (``/proc/self/maps``).
    """
    if not isinstance(raw, io.FileIO) or not _is_of_kernel(raw):
        return

    def has_more() -> bool:
        if raw.closed:
            return False
        if isinstance(file, io.TextIOWrapper) and is_iterated(file):
            return True
        try:
            position = file.tell()
        except OSError:  # it has no position
            return False
        return bool(position) and position != os.lseek(raw.fileno(), 0, os.SEEK_CUR)

    if has_more():
        veto("a file in /proc or /sys is being read", has_more)


def _is_of_kernel(raw: io.FileIO) -> bool:
    return os.readlink(f"/proc/self/fd/{raw.fileno()}").startswith(("/proc/", "/sys/"))


def _is_decompressor(raw: Any) -> bool:
    found = sys.modules.get("_compression")
    return found is not None and isinstance(raw, found.DecompressReader)


def position_wanted(raw: Any) -> int | None:
    """Return where the buffer above ``raw`` stands; ``raw`` itself has read ahead."""
    return _wanted.pop(id(raw), None)


def _gc_header(obj: Any) -> int:
    return sys.getsizeof(obj) - int(obj.__sizeof__())


def make_buffer(
    cls: Any, raw: Any, size: int, position: int | None, namespace: dict[str, Any]
) -> Any:
    """Rebuild a buffered file."""
    buffer = cls(raw, size)
    buffer.__dict__.update(namespace)
    if position is not None:
        buffer.seek(position)
    return buffer


def make_over_raw(
    cls: Any, raw: Any, size: int, state: BufferState, namespace: dict[str, Any]
) -> Any:
    """Rebuild a buffer over a stream in memory or an object of the program's."""
    buffer = over_raw(cls, raw, size, state)
    buffer.__dict__.update(namespace)
    return buffer


def reduce_text(file: Any, writer: Writer) -> Reduction:
    """Reduce a text file."""
    known = writer.known(file)
    if known is not None:
        return known
    try:
        buffer, closed = file.buffer, file.closed
    except ValueError:
        return writer.refuse(file, "a text file that was detached from its buffer")
    door = dict_door(type(file))
    namespace = door.__get__(file) if door is not None else {}
    if closed:
        return make_closed, (io.TextIOWrapper, namespace, _raw_namespace(buffer))
    if _is_on_disk(buffer) and file.writable():
        io.TextIOWrapper.flush(file)
    waiting = waiting_text(file)
    is_waiting = waiting[0] is not None
    _let_reader_end(file, getattr(buffer, "raw", None))
    position = tell(file) if _has_position(file, buffer) and not is_waiting else None
    options = {
        "encoding": file.encoding, "errors": file.errors, "newline": pointer_at(file, _NEWLINE),
        "line_buffering": file.line_buffering, "write_through": file.write_through,
    }  # fmt: skip
    asked = None
    if not isinstance(getattr(buffer, "raw", buffer), (io.FileIO, io.BytesIO)):
        asked = asked_of_buffer(file)
        if position is not None:
            writer.defer(seek_text, file, (position, is_iterated(file)))
            position = None
    return make_text, (
        type(file), buffer, options, position, is_iterated(file), namespace,
        waiting if asked is not None or is_waiting else None, asked,
    )  # fmt: skip


def seek_text(file: Any, state: tuple[int, bool]) -> None:
    """Bring a text file over an object of the program's to its position, once that is filled."""
    position, iterated = state
    file.seek(position)
    if iterated:
        stop_telling(file)


def _has_position(file: Any, buffer: Any) -> bool:
    """Tell whether a text file can be asked where it is: that flushes what is below it."""
    return bool(file.seekable()) and (_is_on_disk(buffer) or bool(buffer.readable()))


def _is_on_disk(buffer: Any) -> bool:
    return isinstance(buffer, _BUFFERS) and isinstance(buffer.raw, io.FileIO)


def make_text(
    cls: Any, buffer: Any, options: dict[str, Any], position: int | None, iterated: bool,
    namespace: dict[str, Any], waiting: Waiting | None = None, asked: Any = None,
) -> Any:  # fmt: skip
    """Rebuild a text file."""
    if asked is not None:
        file = over_buffer(cls, buffer, asked, options)
    else:
        file = io.TextIOWrapper.__new__(cls)
        io.TextIOWrapper.__init__(file, buffer, **options)
    file.__dict__.update(namespace)
    if position is not None:
        file.seek(position)
    if iterated:
        stop_telling(file)
    if waiting is not None:
        put_waiting_text(file, waiting)
    return file


REDUCERS: dict[type, Any] = {
    io.FileIO: reduce_raw,
    **dict.fromkeys(_BUFFERS, reduce_buffer),
    io.TextIOWrapper: reduce_text,
}
