"""Sealed records: small JSON texts with their checksum, which people can read with ``cat``.

Takes a kind and plain values; gives two lines, and the values back. Keeps: a record that was torn,
damaged or written for something else is never taken for a good one.

Source:
    ``docs/reference/store-format.md`` section 4.
"""

from __future__ import annotations

import json
from typing import Any

from dartslurm import disk
from dartslurm.errors import CorruptError, StoreError
from dartslurm.store.chunks import digest
from dartslurm.store.layout import FORMAT, RECORD_LIMIT_BYTES
from dartslurm.store.trust import trust_file

_dumps = json.dumps
_loads = json.loads
_MARK = b"xxh3-128:"


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


def encode_record(kind: str, fields: dict[str, Any]) -> bytes:
    """Write a record as text with its seal."""
    line = _dumps({"kind": kind, "format": FORMAT, **fields}).encode()
    return line + b"\n" + _MARK + digest(line).hex().encode() + b"\n"


def decode_record(text: bytes, kind: str, place: str) -> dict[str, Any]:
    """Read a record.

    Raises:
        CorruptError: if the seal or the kind is wrong.
        StoreError: if its format is newer.
    """
    line, newline, seal = text.partition(b"\n")
    if not newline or seal != _MARK + digest(line).hex().encode() + b"\n":
        raise CorruptError(f"{place} does not match its checksum")
    value = parse_json(line, place)
    check_format(value, kind, place)
    return value


def read_record(path: str, kind: str) -> dict[str, Any] | None:
    """Read a record's file; ``None`` if there is none."""
    about = disk.look(path)
    if about is not None:
        trust_file(about.st_uid, path)
    text = disk.read_file(path, RECORD_LIMIT_BYTES)
    return None if text is None else decode_record(text, kind, path)
