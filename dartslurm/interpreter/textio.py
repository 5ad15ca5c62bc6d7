"""The exact position of a text file that is being iterated.

``for line in file`` reads ahead, takes no snapshots of its decoder and makes ``tell()`` refuse.
The decoded text that has not been given out yet is in the C object; the position is where the
bytes begin that decode to it. It is found from the text's length and proved by decoding.

Source:
    ``Modules/_io/textio.c``: ``telling``, ``decoded_chars``, ``decoded_chars_used``.
"""

from __future__ import annotations

import codecs
from ctypes import c_char, c_ssize_t
from io import IncrementalNewlineDecoder, TextIOWrapper
from typing import Any

from dartslurm.errors import NotYetError
from dartslurm.interpreter.words import object_at

_TELLING = 95
_DECODED = 120
_DECODED_USED = 128


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
