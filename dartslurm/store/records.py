"""Sealed records: small JSON texts with their checksum, which people can read with ``cat``.

Takes a kind and plain values; gives two lines, and the values back. Keeps: a record that was torn,
damaged or written for something else is never taken for a good one.

Source:
    ``docs/reference/store-format.md`` section 4.
"""

from __future__ import annotations

import json
import re
from typing import Any

from dartslurm import disk
from dartslurm.errors import CorruptError, StoreError
from dartslurm.store.chunks import digest
from dartslurm.store.layout import FORMAT, RECORD_LIMIT_BYTES
from dartslurm.store.signature import refuse_unsigned, sign
from dartslurm.store.trust import trust_file

_dumps = json.dumps
_loads = json.loads
_ENDS = re.compile(rb"xxh3-128:([0-9a-f]{32})\n(?:hmac-sha256:([0-9a-f]{64})\n)?")


def parse_json(text: bytes | bytearray, place: str) -> dict[str, Any]:
    """Read one JSON object from bytes that may be hostile."""
    try:
        value = _loads(text)
    except (ValueError, RecursionError) as cause:
        raise CorruptError(f"{place} is not readable JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise CorruptError(f"{place} holds no JSON object")
    return value


def check_format(value: dict[str, Any], kind: str, place: str) -> None:
    """Refuse another kind and a newer format."""
    if value.get("kind") != kind:
        raise CorruptError(f"{place} should be a {kind!r}, it says {value.get('kind')!r}")
    refuse_newer(value.get("format"), place)


def refuse_newer(number: object, place: str) -> None:
    """Refuse a format that this code does not know."""
    if number == FORMAT:
        return
    if isinstance(number, int) and number > FORMAT:
        raise StoreError(
            f"{place} has format {number}, this dartslurm reads up to {FORMAT}",
            kind="store-newer",
            remedy="use a newer dartslurm",
        )
    raise CorruptError(f"{place} has an impossible format {number!r}")


def encode_record(kind: str, fields: dict[str, Any], key: bytes | None = None) -> bytes:
    """Write a record as text with its seal, and signed if there is a key."""
    line = _dumps({"kind": kind, "format": FORMAT, **fields}).encode()
    text = line + b"\nxxh3-128:" + digest(line).hex().encode() + b"\n"
    if key is None:
        return text
    return text + b"hmac-sha256:" + sign(key, kind, line).hex().encode() + b"\n"


def decode_record(text: bytes, kind: str, place: str, key: bytes | None = None) -> dict[str, Any]:
    """Read a record.

    Raises:
        CorruptError: if the seal or the kind is wrong.
        UntrustedError: if there is a key and the record is not signed by it.
        StoreError: if its format is newer.
    """
    line, _, ends = text.partition(b"\n")
    found = _ENDS.fullmatch(ends)
    if found is None or found[1] != digest(line).hex().encode():
        raise CorruptError(f"{place} does not match its checksum")
    if key is not None:
        refuse_unsigned(key, bytes.fromhex((found[2] or b"").decode()), place, kind, line)
    value = parse_json(line, place)
    check_format(value, kind, place)
    return value


def read_record(path: str, kind: str, key: bytes | None = None) -> dict[str, Any] | None:
    """Read a record's file; ``None`` if there is none."""
    about = disk.look(path)
    if about is not None:
        trust_file(about, path)
    text = disk.read_file(path, RECORD_LIMIT_BYTES)
    return None if text is None else decode_record(text, kind, path, key)
