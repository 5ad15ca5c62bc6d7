"""Running digests of ``hashlib``: MD5, SHA-1 and SHA-2 go on in the middle of their input.

OpenSSL keeps their state as plain numbers behind two pointers. It is found once for each algorithm
by the initial values that the standard prescribes, copied as bytes, and proved on a sample before
it is trusted. Other algorithms hold pointers in their state and are refused.

Source:
    RFC 1321 and FIPS 180-4 for the initial values; ``evp_md_ctx_st`` of OpenSSL 1.1 and 3.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

from dartslurm.errors import MismatchError

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_HASH: Any = type(hashlib.new("sha256"))
_CONTEXT = 16
"""Offset of the pointer to OpenSSL's context in ``hashlib``'s object."""
_WORDS = 12
_SHA1 = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_BEGINNINGS: dict[str, tuple[int, bytes]] = {
    "md5": (92, struct.pack("=4I", *_SHA1)),
    "sha1": (96, struct.pack("=4I", *_SHA1)),
    "sha224": (112, struct.pack("=2I", 0xC1059ED8, 0x367CD507)),
    "sha256": (112, struct.pack("=2I", 0x6A09E667, 0xBB67AE85)),
    "sha384": (216, struct.pack("=2Q", 0xCBBB9D5DC1059ED8, 0x629A292A367CD507)),
    "sha512": (216, struct.pack("=2Q", 0x6A09E667F3BCC908, 0xBB67AE8584CAA73B)),
}
"""For each algorithm, the size of its state in bytes and how a new state begins."""


def _read(address: int, size: int) -> bytes:
    """Read our own memory; an address that is not ours gives nothing instead of a crash."""
    try:
        descriptor = os.open("/proc/self/mem", os.O_RDONLY)
        try:
            return os.pread(descriptor, size, address)
        finally:
            os.close(descriptor)
    except (OSError, OverflowError):
        return b""


@cache
def _place(name: str) -> int | None:
    """Return the word of the context that points to the state, once it is proved."""
    if name not in _BEGINNINGS:
        return None
    _, beginning = _BEGINNINGS[name]
    fresh = hashlib.new(name, usedforsecurity=False)
    words = struct.unpack(f"={_WORDS}Q", _read(_context(fresh), 8 * _WORDS))
    for word, pointer in enumerate(words):
        if pointer and _read(pointer, len(beginning)) == beginning and _proved(name, word):
            return word
    return None


def _context(digest: Any) -> int:
    return ctypes.c_uint64.from_address(id(digest) + _CONTEXT).value


def _address(digest: Any, word: int) -> int:
    return ctypes.c_uint64.from_address(_context(digest) + 8 * word).value


def _proved(name: str, word: int) -> bool:
    sample = hashlib.new(name, b"sample" * 33, usedforsecurity=False)
    copy = hashlib.new(name, usedforsecurity=False)
    _write(copy, word, _read(_address(sample, word), _BEGINNINGS[name][0]))
    for digest in (sample, copy):
        digest.update(b"more")
    return sample.digest() == copy.digest()


def _write(digest: Any, word: int, state: bytes) -> None:
    ctypes.memmove(_address(digest, word), state, len(state))


def reduce_digest(digest: Any, writer: Writer) -> Reduction:
    """Reduce a running digest."""
    word = _place(digest.name)
    if word is None:
        return writer.refuse(digest, f"a running {digest.name} digest inside OpenSSL")
    state = _read(_address(digest, word), _BEGINNINGS[digest.name][0])
    return make_digest, (digest.name, state)


def make_digest(name: str, state: bytes) -> Any:
    """Rebuild a running digest.

    Raises:
        MismatchError: if this OpenSSL keeps its state elsewhere.
    """
    word = _place(name)
    if word is None:
        raise MismatchError(
            f"a running {name} digest cannot be continued with this OpenSSL",
            remedy="resume in the environment the program was started in",
        )
    digest = hashlib.new(name, usedforsecurity=False)
    _write(digest, word, state)
    return digest


REDUCERS: dict[type, Any] = {_HASH: reduce_digest}
