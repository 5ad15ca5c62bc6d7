"""Signatures: with a key of the user's, only what that key has signed is loaded.

Takes the key's file, which the user names or not; gives signatures, and refuses what lacks a good
one. Keeps: without a key nothing changes; with one, nothing of a version is believed, inflated or
parsed before its signature is seen to be good, and signatures are compared in constant time.

Why more than one HMAC over a version file: the chunks hang on their digests, and XXH3 finds damage,
not malice; whoever may write can make other bytes of the same digest. So a signed version has a
*seal* for each of its chunks besides, the SHA-256 of the bytes as stored, and the signature is over
the seals, too. A chunk that is stored already keeps the seal it has: a small commit stays small.

What this cannot do: tell that somebody took the newest versions away, or put back a whole run as it
was; keep secret what a version holds; protect from whoever can read the key.

Source:
    RFC 2104 (HMAC), FIPS 180-4 (SHA-256); ``docs/reference/store-format.md`` section 10.
"""

from __future__ import annotations

import os
from functools import cache, partial
from os.path import expanduser, join, realpath
from stat import S_IRWXG, S_IRWXO, S_ISREG
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import UntrustedError, UsageError
from dartslurm.store.trust import trust_file

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURE_BYTES = SEAL_BYTES = 32
_LEAST_KEY_BYTES = 32
_MOST_KEY_BYTES = 4096


@cache
def configured_key() -> bytes | None:
    """Read the user's key; ``None`` without one. Asked once: a program may change its environment.

    Raises:
        UsageError: if the file that ``DART_KEY_FILE`` names is missing, or no key is in it.
        UntrustedError: if others may read or change it.
    """
    named = os.environ.get("DART_KEY_FILE")
    if named == "":
        return None
    base = os.environ.get("XDG_CONFIG_HOME") or expanduser("~/.config")
    path = realpath(expanduser(named) if named else join(base, "dartslurm", "key"))
    about = disk.look(path)
    if about is None and not named:
        return None
    if about is None or not S_ISREG(about.st_mode):
        raise UsageError(
            f"there is no key at {path}",
            remedy="correct DART_KEY_FILE; empty it to go without",
        )
    trust_file(about, path)
    if about.st_mode & (S_IRWXG | S_IRWXO):
        raise UntrustedError(f"{path} may be read by others", remedy=f"run chmod 600 {path}")
    key = (disk.read_file(path, _MOST_KEY_BYTES) or b"").strip()
    if len(key) < _LEAST_KEY_BYTES:
        raise UsageError(
            f"{path} has a key of {len(key)} bytes, at least {_LEAST_KEY_BYTES} are needed",
            remedy="make one as docs/how-to/sign-versions.md shows",
        )
    return key


def seal_of(stored: bytes | bytearray | memoryview) -> bytes:
    """Return a chunk's seal."""
    from hashlib import sha256  # only where there is a key

    return sha256(stored).digest()


def sign(key: bytes, purpose: str, *pieces: bytes | memoryview) -> bytes:
    """Sign bytes for a purpose: what was signed for one is worth nothing for another."""
    import hmac

    signing = hmac.new(key, f"dartslurm {purpose} 1\0".encode(), "sha256")
    for piece in pieces:
        signing.update(piece)
    return signing.digest()


def refuse_unsigned(
    key: bytes, signature: bytes, place: str, purpose: str, *pieces: bytes | memoryview
) -> None:
    """Refuse what this key has not signed; no signature is empty.

    Raises:
        UntrustedError: if there is no signature, or it is of other bytes or another key.
    """
    import hmac

    if not signature:
        raise UntrustedError(
            f"{place} is not signed, and you have a key",
            remedy="set DART_KEY_FILE to nothing to load what is not signed",
        )
    if not hmac.compare_digest(signature, sign(key, purpose, *pieces)):
        raise UntrustedError(
            f"{place} has a signature that is not of your key",
            remedy="it was changed, or signed with another key: see DART_KEY_FILE",
        )


def line_signer(purpose: str) -> Callable[[bytes], bytes] | None:
    """Return what signs the lines of a log; ``None`` without a key. All it needs is imported."""
    key = configured_key()
    if key is None:
        return None
    sign(key, purpose)
    return partial(sign, key, purpose)
