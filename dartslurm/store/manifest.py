"""The version file: everything one version is, behind one checksum.

Takes a manifest; gives its bytes, and a manifest back from bytes that may be damaged or hostile.
Keeps: what `decode_manifest` returns agrees with the file's name, stays inside its limits and
refers only backwards; no path and no size is believed before that.

Source:
    ``docs/reference/store-format.md`` section 6.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from itertools import starmap
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple

from dartslurm.errors import CorruptError
from dartslurm.store.chunks import digest
from dartslurm.store.codec import inflate
from dartslurm.store.layout import BODY_LIMIT_BYTES, CHUNK_LIMIT_BYTES, FORMAT, is_pack
from dartslurm.store.records import check_format, parse_json, refuse_newer
from dartslurm.store.signature import SEAL_BYTES, SIGNATURE_BYTES, refuse_unsigned, sign

HEADER = Struct("<8sII")
TRAILER = Struct("<QQQQII16s8s")
VERSION_HEADER = HEADER.pack(b"DARTVERS", FORMAT, 0)
PACK_HEADER = HEADER.pack(b"DARTPACK", FORMAT, 0)
SELF = "self"

_ROW = Struct("<16sIB3xQII")
_TAIL = b"DARTTAIL"
_SEALED = Struct("<QQQQII")
_DEFLATED = 1
_SIGNED = 2
_PURPOSE = "version"
_DEFLATE_FROM_BYTES = 4096

_dumps = json.dumps
_compress = zlib.compress


class Row(NamedTuple):
    """One chunk: what it is, and where its stored bytes lie. Without a key there are no seals."""

    digest: bytes
    container: int
    codec: int
    offset: int
    stored_bytes: int
    size_bytes: int
    seal: bytes = b""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """A pickled stream and its rows of the chunk table."""

    name: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class LeafEntry:
    """An array and its rows of the chunk table; ``chunk_shape`` lies over the memory shape."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    order: str
    chunk_shape: tuple[int, ...]
    first: int
    count: int


class Summary(NamedTuple):
    """What a list of versions shows; the index keeps a copy of it."""

    number: int
    parent: int | None
    epoch: int
    attempt: int
    time_utc: float
    cause: str
    place: str
    node: str
    bytes_total: int
    bytes_new: int
    bytes_stored: int
    pause_seconds: float
    commit_seconds: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version as its file tells it. ``containers`` holds pack names, numbers or ``self``.

    ``recent`` are the versions whose chunks its writer may refer to later; ``None`` if unknown.
    """

    run_id: str
    summary: Summary
    containers: list[str | int]
    streams: list[StreamEntry]
    leaves: list[LeafEntry]
    rows: list[Row]
    meta: dict[str, Any] = field(default_factory=dict)
    recent: tuple[int, ...] | None = None
    is_signed: bool = False


_fields_of = itemgetter(*Summary._fields)
_USUAL_TYPES = (int, int, int, int, float, str, str, str, int, int, int, float, float)
_COUNT_LIMIT = 1 << 63


class Trailer(NamedTuple):
    """The last 64 bytes: where the body and the table lie."""

    body_offset: int
    body_stored: int
    body_bytes: int
    rows: int
    format: int
    flags: int
    digest: bytes
    magic: bytes

    @property
    def is_signed(self) -> bool:
        """Tell whether seals and a signature stand before the trailer."""
        return bool(self.flags & _SIGNED)

    @property
    def sealed_bytes(self) -> int:
        """Length of what the digest is of: body, table, seals, signature, first of the trailer."""
        row_bytes = _ROW.size + (SEAL_BYTES if self.is_signed else 0)
        signature_bytes = SIGNATURE_BYTES if self.is_signed else 0
        return self.body_stored + self.rows * row_bytes + signature_bytes + _SEALED.size


# --- encode --------------------------------------------------------------------------------


def encode_manifest(manifest: Manifest, body_offset: int, key: bytes | None = None) -> list[bytes]:
    """Write body, chunk table and trailer; they follow the header and any inline chunks.

    With a key the version is signed; its rows must have their seals.
    """
    text = _dumps(_body(manifest), default=str).encode()
    flags = _DEFLATED if len(text) >= _DEFLATE_FROM_BYTES else 0
    body = _compress(text, 1) if flags else text
    flags |= _SIGNED if key is not None else 0
    table = b"".join(_ROW.pack(*row[:-1]) for row in manifest.rows)
    sealed = _SEALED.pack(body_offset, len(body), len(text), len(manifest.rows), FORMAT, flags)
    signed = b""
    if key is not None:
        seals = b"".join(row.seal for row in manifest.rows)
        signed = seals + sign(key, _PURPOSE, body, table, seals, sealed)
    return [body, table, signed, sealed, digest(body + table + signed + sealed), _TAIL]


def _body(manifest: Manifest) -> dict[str, Any]:
    streams = [{"name": s.name, "rows": [s.first, s.count]} for s in manifest.streams]
    leaves = [
        {
            "path": leaf.path,
            "dtype": leaf.dtype,
            "shape": leaf.shape,
            "order": leaf.order,
            "chunk_shape": leaf.chunk_shape,
            "rows": [leaf.first, leaf.count],
        }
        for leaf in manifest.leaves
    ]
    containers = [
        {"pack": name} if isinstance(name, str) and name != SELF else {"version": name}
        for name in manifest.containers
    ]
    return {
        "kind": "version",
        "format": FORMAT,
        "run_id": manifest.run_id,
        **manifest.summary._asdict(),
        **({} if manifest.recent is None else {"recent": manifest.recent}),
        "containers": containers,
        "ranks": [{"rank": 0, "streams": streams, "leaves": leaves}],
        "meta": manifest.meta,
    }


# --- decode --------------------------------------------------------------------------------


def decode_trailer(text: bytes, file_bytes: int, place: str) -> Trailer:
    """Read the trailer and check it against the file's length."""
    if len(text) != TRAILER.size:
        raise CorruptError(f"{place} is too short for a version")
    trailer = Trailer._make(TRAILER.unpack(text))
    if trailer.magic != _TAIL:
        raise CorruptError(f"{place} does not end like a version")
    refuse_newer(trailer.format, place)
    end = trailer.body_offset + trailer.sealed_bytes + TRAILER.size - _SEALED.size
    if end != file_bytes or trailer.flags & ~(_DEFLATED | _SIGNED):
        raise CorruptError(f"{place} has a damaged trailer")
    if trailer.body_bytes > BODY_LIMIT_BYTES or trailer.body_offset < HEADER.size:
        raise CorruptError(f"{place} has an impossible trailer")
    return trailer


def decode_manifest(
    head: bytes, tail: bytes | memoryview, trailer: Trailer, place: str, key: bytes | None = None
) -> Manifest:
    """Read a manifest from the file's first bytes and from everything after the inline chunks.

    Raises:
        CorruptError: if anything is damaged, impossible or points where it must not.
        UntrustedError: if there is a key and this is not signed by it.
        StoreError: if its format is newer.
    """
    view = memoryview(tail)
    if head != VERSION_HEADER:
        raise CorruptError(f"{place} does not begin like a version")
    if digest(view[: trailer.sealed_bytes]) != trailer.digest:
        raise CorruptError(f"{place} does not match its checksum")
    stored = view[: trailer.body_stored]
    table = view[trailer.body_stored : trailer.body_stored + trailer.rows * _ROW.size]
    seals = b"" if key is None else _seals(view, trailer, key, place)
    text = inflate(stored, trailer.body_bytes, place) if trailer.flags & _DEFLATED else stored
    rows = list(starmap(Row, _ROW.iter_unpack(table)))
    if seals:
        cuts = range(0, len(seals), SEAL_BYTES)
        rows = [
            row._replace(seal=seals[at : at + SEAL_BYTES])
            for row, at in zip(rows, cuts, strict=True)
        ]
    body = parse_json(bytes(text), place)
    check_format(body, "version", place)
    try:
        manifest = _manifest(body, rows)
    except (KeyError, TypeError, ValueError, OverflowError) as cause:
        raise CorruptError(f"{place} has a wrong field: {cause!r}") from cause
    _check_rows(manifest, trailer, place)
    return replace(manifest, is_signed=trailer.is_signed)


def _seals(view: memoryview, trailer: Trailer, key: bytes, place: str) -> bytes:
    """Refuse a version that is not signed with the key; give the seals of its chunks."""
    sealed = view[trailer.sealed_bytes - _SEALED.size : trailer.sealed_bytes]
    signed = bytes(view[: trailer.sealed_bytes - _SEALED.size - SIGNATURE_BYTES])
    signature = bytes(view[len(signed) : len(signed) + SIGNATURE_BYTES])
    if not trailer.is_signed:
        signature = b""
    refuse_unsigned(key, signature, place, _PURPOSE, signed, sealed)
    return signed[trailer.body_stored + trailer.rows * _ROW.size :]


def _manifest(body: dict[str, Any], rows: list[Row]) -> Manifest:
    summary = decode_summary(body)
    (rank,) = body["ranks"]
    containers = [_container(entry, summary.number) for entry in body["containers"]]
    streams = [StreamEntry(_text(s["name"]), *_span(s["rows"], len(rows))) for s in rank["streams"]]
    leaves = [
        LeafEntry(
            _text(leaf["path"]),
            _text(leaf["dtype"]),
            _lengths(leaf["shape"]),
            _text(leaf["order"]),
            _lengths(leaf["chunk_shape"]),
            *_span(leaf["rows"], len(rows)),
        )
        for leaf in rank["leaves"]
    ]
    if not isinstance(body["meta"], dict):
        raise TypeError("meta")
    run_id = _text(body["run_id"])
    recent = _lengths(body["recent"]) if "recent" in body else None
    return Manifest(run_id, summary, containers, streams, leaves, rows, body["meta"], recent)


def decode_summary(body: dict[str, Any]) -> Summary:
    """Read the people's fields; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
    values = _fields_of(body)
    # A list of ten thousand versions is opened often: what looks as we write it needs no more.
    if tuple(map(type, values)) == _USUAL_TYPES and 0 < values[1] < values[0] < _COUNT_LIMIT:
        counts = (*values[2:4], *values[8:11])
        if min(counts) >= 0 and max(counts) < _COUNT_LIMIT:
            return Summary(*values)
    number = _count(body["number"])
    parent = body["parent"]
    if number < 1 or (parent is not None and not 1 <= _count(parent) < number):
        raise ValueError("number or parent")
    return Summary(
        number=number,
        parent=parent,
        epoch=_count(body["epoch"]),
        attempt=_count(body["attempt"]),
        time_utc=float(body["time_utc"]),
        cause=_text(body["cause"]),
        place=_text(body["place"]),
        node=_text(body["node"]),
        bytes_total=_count(body["bytes_total"]),
        bytes_new=_count(body["bytes_new"]),
        bytes_stored=_count(body["bytes_stored"]),
        pause_seconds=float(body["pause_seconds"]),
        commit_seconds=float(body["commit_seconds"]),
    )


def _check_rows(manifest: Manifest, trailer: Trailer, place: str) -> None:
    """No row may point outside the known containers or promise an absurd size."""
    containers = len(manifest.containers)
    for row in manifest.rows:
        if row.container >= containers or row.size_bytes > CHUNK_LIMIT_BYTES:
            raise CorruptError(f"{place} has an impossible chunk")
        if row.codec == 0 and row.stored_bytes != row.size_bytes:
            raise CorruptError(f"{place} has a chunk with two lengths")
        inline = manifest.containers[row.container] == SELF
        if inline and row.offset + row.stored_bytes > trailer.body_offset:
            raise CorruptError(f"{place} has a chunk that is no chunk")


def _container(entry: dict[str, Any], number: int) -> str | int:
    ((key, value),) = entry.items()
    if key == "pack" and isinstance(value, str) and is_pack(value):
        return value
    if key == "version" and (value == SELF or 1 <= _count(value) < number):
        return value if value == SELF else int(value)
    raise ValueError(f"container {key!r}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r} should be a text")


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_LIMIT:
        return value
    raise TypeError(f"{value!r} should be a count")


def _lengths(value: object) -> tuple[int, ...]:
    if isinstance(value, list) and len(value) <= 64:
        return tuple(_count(length) for length in value)
    raise TypeError(f"{value!r} should be lengths")


def _span(value: list[Any], rows: int) -> tuple[int, int]:
    first, count = map(_count, value)
    if first + count > rows:
        raise ValueError("rows")
    return first, count
