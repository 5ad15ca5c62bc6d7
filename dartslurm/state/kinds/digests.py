"""Running digests of ``hashlib`` and ``hmac``: they go on in the middle of their input.

OpenSSL keeps their state as plain numbers behind two pointers. It is found once for each algorithm
by the initial values that the standard prescribes, copied as bytes, and proved on a sample before
it is trusted; a state that holds pointers is refused. BLAKE2 lies in CPython's own object, as
plain numbers up to its lock.

Source:
    RFC 1321 and FIPS 180-4 for the initial values; ``evp_md_ctx_st`` of OpenSSL 1.1 and 3.
"""

from __future__ import annotations

import _hashlib
import ctypes
import hashlib
import os
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

from dartslurm.errors import MismatchError
from dartslurm.interpreter.words import word

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_HASH: Any = type(hashlib.new("sha256"))
_CONTEXT = 16
"""Offset of the pointer to OpenSSL's context in ``hashlib``'s object."""
_WORDS = 12
_PARTS = (1, 2, 3)
"""Words of OpenSSL's ``hmac_ctx_st`` that point to digests: the running, inner and outer one."""
_BLAKE_SIZES = {"blake2b": 424, "blake2s": 216}
"""Bytes of CPython's BLAKE2 objects behind their head; what follows is their lock (3.11, 3.12)."""
_SHA1 = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_BEGINNINGS: dict[str, tuple[int, bytes]] = {
    "md5": (92, struct.pack("=4I", *_SHA1)),
    "sha1": (96, struct.pack("=4I", *_SHA1)),
    "sha224": (112, struct.pack("=2I", 0xC1059ED8, 0x367CD507)),
    "sha256": (112, struct.pack("=2I", 0x6A09E667, 0xBB67AE85)),
    "sha384": (216, struct.pack("=2Q", 0xCBBB9D5DC1059ED8, 0x629A292A367CD507)),
    "sha512": (216, struct.pack("=2Q", 0x6A09E667F3BCC908, 0xBB67AE8584CAA73B)),
    # A sponge: 25 words of zeros, the block's size, and after it what waits for a whole block.
    **{name: (392, bytes(200) + struct.pack("=Q", block)) for name, block in (
        ("sha3_224", 144), ("sha3_256", 136), ("sha3_384", 104), ("sha3_512", 72),
        ("shake_128", 168), ("shake_256", 136),
    )},
}  # fmt: skip
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
    """Return the index of the context's word that points to the state, once it is proved."""
    if name not in _BEGINNINGS:
        return None
    _, beginning = _BEGINNINGS[name]
    fresh = hashlib.new(name, usedforsecurity=False)
    words = struct.unpack(f"={_WORDS}Q", _read(_context(fresh), 8 * _WORDS))
    for index, pointer in enumerate(words):
        if pointer and _read(pointer, len(beginning)) == beginning and _proved(name, index):
            return index
    return None


def _context(digest: Any) -> int:
    return word(id(digest) + _CONTEXT)


def _address(digest: Any, index: int) -> int:
    return word(_context(digest) + 8 * index)


def _proved(name: str, index: int) -> bool:
    sample = hashlib.new(name, b"sample" * 33, usedforsecurity=False)
    copy = hashlib.new(name, usedforsecurity=False)
    _write(copy, index, _read(_address(sample, index), _BEGINNINGS[name][0]))
    for digest in (sample, copy):
        digest.update(b"more")
    return bool(_final(sample) == _final(copy))


def _final(digest: Any) -> Any:
    return digest.digest(20) if digest.name.startswith("shake") else digest.digest()


def _write(digest: Any, index: int, state: bytes) -> None:
    ctypes.memmove(_address(digest, index), state, len(state))


def reduce_digest(digest: Any, writer: Writer) -> Reduction:
    """Reduce a running digest."""
    index = _place(digest.name)
    if index is None:
        return writer.refuse(digest, f"a running {digest.name} digest inside OpenSSL")
    state = _read(_address(digest, index), _BEGINNINGS[digest.name][0])
    return make_digest, (digest.name, state)


def make_digest(name: str, state: bytes) -> Any:
    """Rebuild a running digest.

    Raises:
        MismatchError: if this OpenSSL keeps its state elsewhere.
    """
    index = _place(name)
    if index is None:
        raise MismatchError(
            f"a running {name} digest cannot be continued with this OpenSSL",
            remedy="resume in the environment the program was started in",
        )
    digest = hashlib.new(name, usedforsecurity=False)
    _write(digest, index, state)
    return digest


def reduce_keyed(digest: Any, writer: Writer) -> Reduction:
    """Reduce a running HMAC: the digests of what came in, of the inner and of the outer key."""
    name = digest.name.removeprefix("hmac-")
    index = _place(name)
    if index is None or not _keyed_proved(name):
        return writer.refuse(digest, f"a running {digest.name} inside OpenSSL")
    return make_keyed, (name, _keyed_states(digest, name, index))


def _keyed_addresses(digest: Any, index: int) -> list[int]:
    return [word(word(_context(digest) + 8 * part) + 8 * index) for part in _PARTS]


def _keyed_states(digest: Any, name: str, index: int) -> list[bytes]:
    return [_read(address, _BEGINNINGS[name][0]) for address in _keyed_addresses(digest, index)]


@cache
def _keyed_proved(name: str) -> bool:
    """Try on a sample; a place that cannot be read gives no state, and nothing is written."""
    index = _place(name) or 0
    sample = _hashlib.hmac_new(b"key", b"sample" * 33, digestmod=name)
    contexts = struct.unpack("=4Q", _read(_context(sample), 32))
    if not all(len(_read(contexts[part], 8 * _WORDS)) == 8 * _WORDS for part in _PARTS):
        return False
    states = _keyed_states(sample, name, index)
    if any(len(state) != _BEGINNINGS[name][0] for state in states):
        return False
    copy = make_keyed(name, states)
    for digest in (sample, copy):
        digest.update(b"more")
    return bool(sample.digest() == copy.digest())


def make_keyed(name: str, states: list[bytes]) -> Any:
    """Rebuild a running HMAC."""
    digest = _hashlib.hmac_new(b"", digestmod=name)
    for address, state in zip(_keyed_addresses(digest, _place(name) or 0), states, strict=True):
        ctypes.memmove(address, state, len(state))
    return digest


def reduce_blake(digest: Any, writer: Writer) -> Reduction:
    """Reduce a running BLAKE2: the numbers in its object."""
    cls: Any = type(digest)
    if not _blake_proved(cls):
        return writer.refuse(digest, f"a running {digest.name} digest")
    return make_blake, (digest.name, _blake_state(digest))


def _blake_state(digest: Any) -> bytes:
    return ctypes.string_at(id(digest) + 16, _BLAKE_SIZES[digest.name])


def make_blake(name: str, state: bytes) -> Any:
    """Rebuild a running BLAKE2."""
    digest = hashlib.new(name)
    ctypes.memmove(id(digest) + 16, state, len(state))
    return digest


@cache
def _blake_proved(cls: Any) -> bool:
    sample = cls(b"sample" * 33, key=b"k", digest_size=20)
    if cls.__basicsize__ < 16 + _BLAKE_SIZES[sample.name]:
        return False
    copy = make_blake(sample.name, _blake_state(sample))
    for digest in (sample, copy):
        digest.update(b"more" * 40)
    expected = sample.digest()
    cls(b"other").digest()  # a copy that fails gives what the last digest has left on the stack
    return bool(copy.digest() == expected)


REDUCERS: dict[type, Any] = {
    _HASH: reduce_digest,
    type(hashlib.new("shake_128")): reduce_digest,
    type(hashlib.new("blake2b")): reduce_blake,
    type(hashlib.new("blake2s")): reduce_blake,
}
if hasattr(_hashlib, "HMAC"):
    REDUCERS[_hashlib.HMAC] = reduce_keyed
