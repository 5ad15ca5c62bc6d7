"""Compressed files of gzip, bz2, lzma and zipfile, in the middle of their content.

The state of a compressor lies in C memory that nobody can read. A *reader* needs none of it: the
file is there, so it is read again from its start up to the position. A *writer* of gzip can be had
as well: a copy of the compressor gives the rest that is still inside, the file and that rest give
the whole text so far, and a new compressor that gets this text must come to the very bytes that
stand in the file. If it does not (another version of zlib), the writer is lost. The compressors
of bz2 and lzma cannot be copied: they, and objects without a file, are lost and named.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any

from dartslurm.state.guard import make_lost
from dartslurm.state.kinds import files
from dartslurm.state.readiness import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dartslurm.state.contract import Reducer, Reduction, Writer

RECREATED = True
_COMPRESSOR = type(zlib.compressobj())
_DECOMPRESSOR = type(zlib.decompressobj())
_OWN_PARTS = ("compress", "_buffer")
_STEP = 1 << 20
_LARGEST = 1 << 30
"""A larger file would be read and compressed for minutes at the resume."""
_MARK = b"\x00\x00\xff\xff"
"""What ``flush`` ends with."""
_LEVELS = {2: (9,), 4: (1,)}
_OTHER_LEVELS = (6, 5, 7, 4, 8, 3, 2, 0)
"""The level is not kept anywhere; the header tells the highest and the lowest."""
_OPAQUE = "its state lies inside the C library"


def claim(cls: type) -> Reducer | None:
    """Take compressed files, and what reads them."""
    compression: Any = sys.modules.get("_compression")
    if compression is not None and issubclass(cls, compression.DecompressReader):
        return reduce_reader
    zipped: Any = sys.modules.get("zipfile")
    if zipped is not None and issubclass(cls, zipped.ZipExtFile):
        return reduce_member
    return reduce_gzip if issubclass(cls, gzip.GzipFile) else None


# --- reading -----------------------------------------------------------------------------------


def reduce_reader(reader: Any, _writer: Writer) -> Reduction:
    """Reduce what a compressed file reads from: all but the decompressor."""
    state = {name: value for name, value in vars(reader).items() if name != "_decompressor"}
    if reader.closed:
        return make_reader, (type(reader), state, None)
    position = files.position_wanted(reader)
    at = reader.tell() if position is None else position
    return whole((make_reader, (type(reader), state, at)), reader)


def make_reader(cls: Any, state: dict[str, Any], position: int | None) -> Any:
    """Rebuild a reader, and read on to its position."""
    reader = cls.__new__(cls)
    vars(reader).update(state)
    if position is None:
        reader.close()
        return reader
    try:
        reader._rewind()
        arrived = reader.seek(position)
    except Exception as error:
        return make_lost("compressed file", f"it cannot be read again ({error})")
    short = arrived != position
    return make_lost("compressed file", "it has become shorter") if short else reader


def reduce_member(member: Any, writer: Writer) -> Reduction:
    """Reduce a file inside a zip file that is open for reading."""
    state = {name: value for name, value in vars(member).items() if name != "_decompressor"}
    if member.closed:
        return make_member, (type(member), state, None)
    if not member.seekable():
        return writer.refuse(member, "a part of a zip file that cannot be read again")
    state.update(_readbuffer=b"", _offset=0)
    return whole((make_member, (type(member), state, member.tell())), member)


def make_member(cls: Any, state: dict[str, Any], position: int | None) -> Any:
    """Rebuild a file inside a zip file, and read on to its position."""
    member = cls.__new__(cls)
    vars(member).update(state)
    if position is None:
        io.BufferedIOBase.close(member)
        return member
    zipped: Any = sys.modules["zipfile"]
    try:
        member._decompressor = zipped._get_decompressor(member._compress_type)
        member.seek(0)
        member._fileobj.seek(member._orig_compress_start)
        member.seek(position)
    except Exception as error:
        return make_lost("part of a zip file", f"it cannot be read again ({error})")
    return member


# --- writing -----------------------------------------------------------------------------------


def reduce_gzip(file: Any, writer: Writer) -> Reduction:
    """Reduce a file of ``gzip``: one that is being written with what its compressor still holds."""
    compressor = vars(file).get("compress")
    if compressor is None:
        return writer.own(file)
    buffered = vars(file).get("_buffer")
    if buffered is not None and not buffered.closed:  # 3.12; `file.flush` would leave a mark
        buffered.flush()
    state = {name: value for name, value in vars(file).items() if name not in _OWN_PARTS}
    if file.fileobj is None:
        return make_closed, (type(file), state)
    file.fileobj.flush()
    try:
        position = file.fileobj.tell()
    except (OSError, AttributeError):
        return writer.refuse(file, "a gzip file that goes to something without a position")
    tail = compressor.copy().flush()
    if position > _LARGEST:
        return writer.refuse(file, "a gzip file of more than 1 GiB that is being written")
    return whole((make_gzip, (type(file), state, position, tail)), file)


def make_closed(cls: Any, state: dict[str, Any]) -> Any:
    """Rebuild a gzip file that was written and closed."""
    file = cls.__new__(cls)
    vars(file).update(state, compress=zlib.compressobj())
    _give_buffer(file)
    if "_buffer" in vars(file):
        file._buffer.close()
    return file


def _give_buffer(file: Any) -> None:
    """Put what collects small writes before the compressor (from 3.12 on)."""
    stream = getattr(gzip, "_WriteBufferStream", None)
    if stream is not None:
        file._buffer = io.BufferedWriter(stream(file), buffer_size=file._buffer_size)


def make_gzip(cls: Any, state: dict[str, Any], position: int, tail: bytes) -> Any:
    """Rebuild a gzip file that is being written."""
    file = cls.__new__(cls)
    vars(file).update(state)
    try:
        member = _open_member(_content(file.fileobj, position), tail)
    except (OSError, zlib.error, ValueError, EOFError) as error:
        return make_lost("gzip file", f"what it has written cannot be read again ({error})")
    levels = _LEVELS.get(member[8], _OTHER_LEVELS)
    body = member[_header_length(member) :]
    for level in levels:
        found = _compressor_after(body, tail, level)
        if found is not None:
            file.compress = found
            _give_buffer(file)
            return file
    return make_lost("gzip file", "zlib here does not come to the bytes that it has written")


def _content(target: Any, length: int) -> bytes:
    if isinstance(target, io.BytesIO):
        return bytes(target.getbuffer()[:length])
    descriptor = os.open(f"/proc/self/fd/{target.fileno()}", os.O_RDONLY)
    try:
        return b"".join(
            os.pread(descriptor, min(_STEP, length - at), at) for at in range(0, length, _STEP)
        )
    finally:
        os.close(descriptor)


def _open_member(content: bytes, tail: bytes) -> bytes:
    """Return the last member, which is not finished: files may have several."""
    start = 0
    while True:
        ended = _end_of_member(content, start)
        if ended is None:
            return content[start:]
        start = ended


def _end_of_member(content: bytes, start: int) -> int | None:
    reading = zlib.decompressobj(31)
    for at in range(start, len(content), _STEP):
        piece = content[at : at + _STEP]
        reading.decompress(piece)
        if reading.eof:
            return at + len(piece) - len(reading.unused_data)
    return None


def _header_length(member: bytes) -> int:
    """Return the length of a header as `gzip` writes it: ten bytes and a name."""
    return member.index(b"\x00", 10) + 1 if member[3] & 8 else 10


def _compressor_after(body: bytes, tail: bytes, level: int) -> Any:
    """Return a compressor that has written ``body`` and holds ``tail``; ``None`` if it differs."""
    reading = zlib.decompressobj(-zlib.MAX_WBITS)
    made = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, 0)
    written = 0
    for piece, is_flushed in chain(_pieces(body), [(tail, False)]):
        text = reading.decompress(piece)
        out = made.compress(text) + (made.flush(zlib.Z_SYNC_FLUSH) if is_flushed else b"")
        if body[written : written + len(out)] != out:
            return None
        written += len(out)
    return made if written == len(body) and made.copy().flush() == tail else None


def _pieces(body: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut at the marks that ``flush`` leaves, for it must be called again at the same places."""
    begin = 0
    while begin < len(body):
        mark = body.find(_MARK, begin, begin + _STEP)
        end = mark + len(_MARK) if mark >= 0 else min(len(body), begin + _STEP - len(_MARK))
        yield body[begin:end], mark >= 0
        begin = end


def reduce_opaque(obj: Any, writer: Writer) -> Reduction:
    """Refuse a compressor or decompressor that stands alone."""
    return writer.refuse(obj, _OPAQUE)


REDUCERS: dict[type, Any] = {_COMPRESSOR: reduce_opaque, _DECOMPRESSOR: reduce_opaque}
