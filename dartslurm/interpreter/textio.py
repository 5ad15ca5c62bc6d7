"""The exact position of a text file that is being iterated, and what waits in a file's buffers.

``for line in file`` reads ahead, takes no snapshots of its decoder and makes ``tell()`` refuse.
The decoded text that has not been given out yet is in the C object; the position is where the
bytes begin that decode to it. It is found from the text's length and proved by decoding.

What has been written and not handed on yet travels as it is wherever what is below may have been
pickled already: a flush would change that, and call the program's code.

Source:
    ``Modules/_io/textio.c`` (3.11 to 3.13): ``telling``, ``decoded_chars``, ``decoded_chars_used``,
    ``encoder``, ``encoding_start_of_stream``, ``pending_bytes``, ``pending_bytes_count``;
    ``Modules/_io/bufferedio.c``: ``raw``, ``buffer`` and the places in it (-1: nothing there).
"""

from __future__ import annotations

import codecs
from ctypes import c_char, c_ssize_t, c_void_p, memmove, string_at
from io import (
    BufferedRandom,
    BufferedReader,
    BufferedWriter,
    IncrementalNewlineDecoder,
    TextIOWrapper,
)
from typing import Any

from dartslurm.errors import NotYetError
from dartslurm.interpreter.words import object_at, put_object

_TELLING = 95
_DECODED = 120
_DECODED_USED = 128
_BUFFER = 32
_ENCODER = 48
_DECODER = 56
_SEEKABLE = 93
_HAS_READ1 = 94
_AT_START = 112
_WAITING = 136
_WAITING_BYTES = 144

_RAW = 16
_MEMORY = 56
_NUMBERS = (48, 64, 72, 80, 88, 96)

Buffered = BufferedReader | BufferedWriter | BufferedRandom
BufferState = tuple[tuple[int, ...], bytes]
"""``abs_pos``, ``pos``, ``raw_pos``, ``read_end``, ``write_pos``, ``write_end``, and the memory."""

Waiting = tuple[Any, int, bytes, Any]
"""What waits to be handed on (``None``: nothing), its size, whether the encoder is at its start,
and its state."""


def is_iterated(file: TextIOWrapper) -> bool:
    """Tell whether ``file`` is in the middle of an iteration."""
    flag: bytes = c_char.from_address(id(file) + _TELLING).value
    return type(file) is TextIOWrapper and flag == b"\0" and file.seekable()


def stop_telling(file: TextIOWrapper) -> None:
    """Put a reopened file into the middle of an iteration, where ``tell()`` refuses."""
    if type(file) is TextIOWrapper:
        c_char.from_address(id(file) + _TELLING).value = b"\0"


def tell(file: TextIOWrapper) -> int:
    """Return the position of ``file``, also in the middle of an iteration; it is not moved.

    Raises:
        OSError: if the file has no position (a pipe).
        NotYetError: if the position cannot be proved at this instant.
    """
    if not is_iterated(file):
        return file.tell()
    pending = _pending(file)
    buffer: Any = file.buffer
    end: int = buffer.tell()
    if not pending:
        return end
    for length in _candidate_lengths(pending, file.encoding):
        start = end - length
        if start < 0:
            continue
        buffer.seek(start)
        data: bytes = buffer.read(length)
        if _decodes_to(data, pending, file):
            return start
    buffer.seek(end)
    raise NotYetError("the position of a text file in its iteration cannot be proved")


def _pending(file: TextIOWrapper) -> str:
    decoded: str = object_at(id(file) + _DECODED, "")
    return decoded[c_ssize_t.from_address(id(file) + _DECODED_USED).value :]


def _candidate_lengths(pending: str, encoding: str) -> list[int]:
    """Return byte lengths that may hold ``pending``, the likely ones first."""
    lines = pending.count("\n")
    base = len(pending.encode(encoding, "surrogateescape"))
    per_line = len("\r\n".encode(encoding)) - len("\n".encode(encoding))
    likely = [base, base + lines * per_line]
    mixed = range(base, base + lines * per_line + 1) if lines <= 4096 else ()
    tails = [length + extra for length in likely for extra in (1, 2, 3)]  # an unfinished character
    return [*dict.fromkeys([*likely, *tails, *mixed])]


def _decodes_to(data: bytes, pending: str, file: TextIOWrapper) -> bool:
    errors = file.errors or "strict"
    try:
        decoder = codecs.getincrementaldecoder(file.encoding)(errors)
        plain = decoder.decode(data)
    except UnicodeError:
        return False
    if plain == pending:
        return True
    # A file that knows every kind of line end holds back a carriage return at the end of a block.
    return any(
        IncrementalNewlineDecoder(None, translate=translate).decode(plain) == pending
        for translate in (True, False)
    )


class _StandIn:
    """Answers as a buffer of the program's own did, while that is still an empty shell."""

    def __init__(self, readable: bool, writable: bool, seekable: bool, has_read1: bool) -> None:
        self.readable = lambda: readable
        self.writable = lambda: writable
        self.seekable = lambda: seekable
        self.tell = self.seek = self.flush = lambda *_: 0
        if has_read1:
            self.read1 = lambda *_: b""
        self.closed = False


def asked_of_buffer(file: TextIOWrapper) -> tuple[bool, bool, bool, bool]:
    """Return whether the buffer was readable, writable, seekable, and had a ``read1``."""
    base = id(file)
    flags = (c_char.from_address(base + at).value != b"\0" for at in (_SEEKABLE, _HAS_READ1))
    has = (object_at(base + at, None) is not None for at in (_DECODER, _ENCODER))
    return (*has, *flags)  # type: ignore[return-value]


def over_buffer(cls: Any, buffer: Any, asked: tuple[bool, bool, bool, bool], options: Any) -> Any:
    """Make a text file over ``buffer`` without asking it anything."""
    file = TextIOWrapper.__new__(cls)
    stand_in: Any = _StandIn(*asked)
    TextIOWrapper.__init__(file, stand_in, **options)
    put_object(id(file) + _BUFFER, buffer)
    return file


def waiting_text(file: TextIOWrapper) -> Waiting:
    """Return what ``file`` got and has not handed on, and how it goes on encoding."""
    found = object_at(id(file) + _WAITING, None)
    encoder = object_at(id(file) + _ENCODER, None)
    return (
        found[:] if type(found) is list else found,
        c_ssize_t.from_address(id(file) + _WAITING_BYTES).value,
        c_char.from_address(id(file) + _AT_START).value,
        encoder.getstate() if encoder is not None else None,
    )


def put_waiting_text(file: TextIOWrapper, waiting: Waiting) -> None:
    """Give a new file what `waiting_text` found in another."""
    found, count, at_start, state = waiting
    put_object(id(file) + _WAITING, found, None)
    c_ssize_t.from_address(id(file) + _WAITING_BYTES).value = count
    c_char.from_address(id(file) + _AT_START).value = at_start
    encoder = object_at(id(file) + _ENCODER, None)
    if encoder is not None:
        encoder.setstate(state)


def buffer_state(buffer: Buffered) -> BufferState:
    """Return what a buffer holds of what is above and below it, and where that is in both."""
    numbers = tuple(c_ssize_t.from_address(id(buffer) + at).value for at in _NUMBERS)
    held = max(numbers[1], *numbers[3:], 0)
    memory = c_void_p.from_address(id(buffer) + _MEMORY).value
    return numbers, string_at(memory, held) if memory else b""


def over_raw(cls: Any, raw: Any, size: int, state: BufferState) -> Any:
    """Make a buffer that holds what another did, without asking what is below it anything."""
    buffer = cls.__new__(cls)
    stand_in: Any = _StandIn(readable=True, writable=True, seekable=True, has_read1=False)
    cls.__init__(buffer, stand_in, size)
    numbers, held = state
    memory = c_void_p.from_address(id(buffer) + _MEMORY).value
    if memory:
        memmove(memory, held, min(len(held), size))
        for at, number in zip(_NUMBERS, numbers, strict=True):
            c_ssize_t.from_address(id(buffer) + at).value = number
    put_object(id(buffer) + _RAW, raw)
    return buffer
