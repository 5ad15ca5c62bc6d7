"""Whether and how chunks are compressed.

Takes a leaf's dtype and a sample of its bytes; gives a codec, and bytes back and forth. Keeps:
decoding never yields more than the length that was promised.

zstd comes from numcodecs, which imports numpy: a program that does not use numpy gets zlib instead
of half a second of imports. Numbers of several bytes are tried with their bytes sorted by place
as well (first all first bytes): neighbours that differ little then share their upper bytes.
"""

from __future__ import annotations

import sys
import warnings
import zlib
from _thread import get_ident
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.errors import CorruptError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SAMPLE_BYTES = 64 << 10
_LEAST_BYTES = 512
"""Below this a chunk is smaller than what saving bytes would save in reads."""

_MOST_BYTES = 64 << 20
_WORTH = 0.75
"""A sample that shrinks less than to this share is left alone."""

_LEVEL = 1
_SETTERS = ("_add_filter", "_filters_mutated")
"""What every change of the filters calls in the ``warnings`` module."""
_compress = zlib.compress
_decompressobj = zlib.decompressobj


class Codec(IntEnum):
    """How a chunk's bytes lie in its container; numbers are part of the format."""

    NONE = 0
    ZLIB = 1
    ZSTD = 2
    SHUFFLED = 3


def choose_codec(sample: bytes | memoryview, dtype: str) -> Codec:
    """Decide for a leaf or stream by compressing a piece of one chunk of it, each way that fits.

    Weights of a network shrink by 5 to 18 percent at a tenth of the disk's speed, so they fail the
    test; fields of a simulation, counters and tables pass it.
    """
    view = memoryview(sample)
    if view.nbytes < _LEAST_BYTES:
        return Codec.NONE
    middle = max(0, (view.nbytes - _SAMPLE_BYTES) // 2 // 16 * 16)
    piece = bytes(view[middle : middle + _SAMPLE_BYTES])
    candidates = [Codec.ZLIB]
    if _zstd_is_cheap():
        candidates = [Codec.ZSTD, Codec.SHUFFLED] if item_bytes(dtype) > 1 else [Codec.ZSTD]
    shares = {codec: len(_encode(piece, codec, item_bytes(dtype))) for codec in candidates}
    best = min(candidates, key=lambda codec: shares[codec])
    return best if shares[best] <= _WORTH * len(piece) else Codec.NONE


def item_bytes(dtype: str) -> int:
    """Size of one number of a dtype that can be sorted by bytes; 1 for any other."""
    kind, size = dtype[1:2], dtype[2:].partition("[")[0]
    return int(size) if kind in "iufcmM" and kind and size in ("2", "4", "8", "16") else 1


def _zstd_is_cheap() -> bool:
    if "numpy" not in sys.modules:
        return False
    try:
        if "numcodecs.zstd" not in sys.modules:
            with _unheard():
                import numcodecs.zstd  # noqa: F401
    except Exception:  # a broken install must not cost a version
        return False
    return True


@contextmanager
def _unheard() -> Iterator[None]:
    """Let nothing that an import of ours does reach the program's filters of warnings.

    numcodecs sets a filter of its own; the program would forget which warnings it has shown.
    """
    ours = get_ident()
    kept = {name: vars(warnings)[name] for name in _SETTERS if name in vars(warnings)}

    def pass_on(name: str, *arguments: Any, **named: Any) -> None:
        if get_ident() != ours:
            kept[name](*arguments, **named)

    try:
        for name in kept:
            setattr(warnings, name, partial(pass_on, name))
        yield
    finally:
        for name, setter in kept.items():
            setattr(warnings, name, setter)


def encode_chunk(
    data: bytes | memoryview, codec: Codec, number_bytes: int = 1
) -> tuple[bytes | memoryview, Codec]:
    """Compress a chunk, or leave it if that does not make it smaller."""
    size_bytes = memoryview(data).nbytes
    if codec is Codec.NONE or not _LEAST_BYTES <= size_bytes <= _MOST_BYTES:
        return data, Codec.NONE
    stored = _encode(data, codec, number_bytes)
    return (stored, codec) if len(stored) < size_bytes else (data, Codec.NONE)


def _encode(data: bytes | memoryview, codec: Codec, number_bytes: int) -> bytes:
    if codec is Codec.ZLIB:
        return _compress(data, _LEVEL)
    from numcodecs.zstd import compress

    if codec is Codec.ZSTD:
        return bytes(compress(data, _LEVEL))
    return bytes([number_bytes]) + bytes(compress(_by_place(data, number_bytes), _LEVEL))


def _by_place(data: bytes | memoryview, number_bytes: int, *, back: bool = False) -> bytes:
    """Sort bytes by their place in a number, or back; a rest that is no number stays at the end."""
    from numpy import frombuffer, uint8

    numbers = memoryview(data).nbytes // number_bytes
    shape = (number_bytes, numbers) if back else (numbers, number_bytes)
    cut = numbers * number_bytes
    table = frombuffer(data, uint8, cut).reshape(shape)
    return table.T.tobytes() + bytes(memoryview(data)[cut:])


def decode_chunk(stored: bytes | memoryview, codec: int, size_bytes: int, place: str) -> bytes:
    """Give the chunk's own bytes.

    Raises:
        CorruptError: if they are damaged or not as long as promised.
        StoreError: if the codec is not installed.
    """
    decoder = _DECODERS.get(codec)
    if decoder is None:
        raise CorruptError(f"{place}: unknown codec {codec}")
    return decoder(stored, size_bytes, place)


def inflate(stored: bytes | memoryview, size_bytes: int, place: str) -> bytes:
    """Undo zlib; stops one byte after the promised length."""
    worker = _decompressobj()
    try:
        data = worker.decompress(stored, size_bytes + 1)
    except zlib.error as cause:
        raise CorruptError(f"{place} cannot be decompressed: {cause}") from cause
    if len(data) != size_bytes or not worker.eof or worker.unused_data:
        raise CorruptError(f"{place} does not decompress to {size_bytes} bytes")
    return data


def _unzstd(stored: bytes | memoryview, size_bytes: int, place: str) -> bytes:
    try:
        from numcodecs.zstd import decompress
    except ImportError as cause:
        raise StoreError(
            f"{place} is compressed with zstd, and numcodecs cannot be imported",
            kind="store-codec",
            remedy="install numcodecs",
        ) from cause
    # Given a buffer, numcodecs decodes into it and refuses a frame that is larger.
    target = bytearray(size_bytes)
    try:
        decompress(stored, target)
    except (RuntimeError, ValueError) as cause:
        raise CorruptError(f"{place} cannot be decompressed: {cause}") from cause
    return bytes(target)


def _unshuffle(stored: bytes | memoryview, size_bytes: int, place: str) -> bytes:
    number_bytes = stored[0] if len(stored) else 0
    if not 1 <= number_bytes <= 16:
        raise CorruptError(f"{place} has numbers of an impossible size")
    return _by_place(_unzstd(stored[1:], size_bytes, place), number_bytes, back=True)


def _plain(stored: bytes | memoryview, size_bytes: int, place: str) -> bytes:
    if memoryview(stored).nbytes != size_bytes:
        raise CorruptError(f"{place} does not have {size_bytes} bytes")
    return bytes(stored)


_DECODERS: dict[int, Callable[[bytes | memoryview, int, str], bytes]] = {
    Codec.NONE: _plain,
    Codec.ZLIB: inflate,
    Codec.ZSTD: _unzstd,
    Codec.SHUFFLED: _unshuffle,
}
