"""A version file is believed only if every byte is right and every field is possible."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartslurm.errors import CorruptError, DartError, StoreError
from dartslurm.store.chunks import digest
from dartslurm.store.layout import version_path
from dartslurm.store.manifest import (
    _SEALED,
    TRAILER,
    VERSION_HEADER,
    decode_manifest,
    decode_trailer,
)
from dartslurm.store.versions import read_manifest


@pytest.fixture
def published(run, writer, stage):
    leaves = [("f/X", np.arange(2000.0)), ("f/y", np.asfortranarray(np.ones((3, 4))))]
    return writer.publish(stage({"state": b"skeleton"}, leaves, writer, note="é", n=[1, 2]))


def body_of(run):
    with open(version_path(run.path, 1), "rb") as source:
        raw = source.read()
    trailer = decode_trailer(raw[-TRAILER.size :], len(raw), "x")
    text = raw[trailer.body_offset : trailer.body_offset + trailer.body_stored]
    if trailer.flags:
        text = zlib.decompress(text)
    table_at = trailer.body_offset + trailer.body_stored
    table = raw[table_at : table_at + 40 * trailer.rows]
    return json.loads(text), raw[: trailer.body_offset], table


def rewrite(run, body, inline, table, *, flags=0, length=None, stored=None, form=1):
    """Write version 1 anew as a forger would: every checksum is right."""
    text = stored if stored is not None else json.dumps(body).encode()
    length = len(text) if length is None else length
    sealed = _SEALED.pack(len(inline), len(text), length, len(table) // 40, form, flags)
    raw = inline + text + table + sealed + digest(text + table + sealed) + b"DARTTAIL"
    with open(version_path(run.path, 1), "wb") as target:
        target.write(raw)


def test_everything_written_is_read_back(run, published):
    version = run.version(1)
    assert version == run.newest()
    assert version.meta["note"] == "é"
    assert (version.cause, version.place, version.node) == ("interval", "a.py:1, f", "n1")
    manifest = read_manifest(run.path, 1)
    assert [(leaf.path, leaf.shape, leaf.order) for leaf in manifest.leaves] == [
        ("f/X", (2000,), "C"),
        ("f/y", (3, 4), "F"),
    ]


def test_the_forger_of_these_tests_can_forge(run, published):
    rewrite(run, *body_of(run))
    assert run.reader(1).stream("state") == b"skeleton"


def forge(path, value):
    def change(body):
        *way, last = path
        for step in way:
            body = body[step]
        body[last] = value

    return change


HOSTILE = {
    "path traversal in a pack": forge(["containers"], [{"pack": "../../../etc/passwd"}]),
    "absolute pack": forge(["containers"], [{"pack": "/etc/passwd"}]),
    "unknown container": forge(["containers"], [{"pack": "a", "run": "r-00000000"}]),
    "container of a later version": forge(["containers"], [{"version": 2}]),
    "no container": forge(["containers"], []),
    "parent is itself": forge(["parent"], 1),
    "parent is later": forge(["parent"], 7),
    "other number": forge(["number"], 2),
    "negative number": forge(["number"], -1),
    "number is a text": forge(["number"], "1"),
    "other run": forge(["run_id"], "r-99999999"),
    "other kind": forge(["kind"], "run"),
    "format 0": forge(["format"], 0),
    "absurd shape": forge(["ranks", 0, "leaves", 0, "shape"], [1 << 70]),
    "negative shape": forge(["ranks", 0, "leaves", 0, "shape"], [-1]),
    "rows beyond the table": forge(["ranks", 0, "leaves", 0, "rows"], [0, 1 << 40]),
    "rows are a text": forge(["ranks", 0, "leaves", 0, "rows"], "ab"),
    "no ranks": forge(["ranks"], []),
    "meta is a list": forge(["meta"], []),
    "path is a number": forge(["ranks", 0, "leaves", 0, "path"], 3),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_manifest_is_refused(run, published, name):
    body, inline, table = body_of(run)
    HOSTILE[name](body)
    rewrite(run, body, inline, table)
    with pytest.raises(CorruptError):
        run.version(1)
    with pytest.raises(CorruptError):
        run.reader()
    assert 1 in run.damaged() or run.versions()  # the index may still list it


def test_a_deeply_nested_manifest_is_refused(run, published):
    _, inline, table = body_of(run)
    rewrite(run, None, inline, table, stored=b"[" * 200_000)
    with pytest.raises(CorruptError):
        run.version(1)


def test_a_decompression_bomb_is_refused(run, published):
    _, inline, table = body_of(run)
    bomb = zlib.compress(bytes(50 << 20))
    for length in (100, 1 << 40, (50 << 20) - 1):
        rewrite(run, None, inline, table, stored=bomb, flags=1, length=length)
        with pytest.raises(CorruptError):
            run.version(1)


def test_a_newer_format_says_so(run, published):
    rewrite(run, *body_of(run), form=2)
    with pytest.raises(StoreError) as failure:
        run.version(1)
    assert failure.value.kind == "store-newer"


@pytest.mark.parametrize(
    ("at", "value"),
    [(16, b"\xff\xff\xff\xff"), (20, b"\x09"), (24, b"\xff" * 8), (36, b"\xff\xff\xff\xff")],
    ids=["container", "codec", "offset", "size"],
)
def test_a_hostile_row_is_refused(run, published, at, value):
    body, inline, table = body_of(run)
    rewrite(run, body, inline, table[:at] + value + table[at + len(value) :])
    with pytest.raises(DartError):
        run.reader(1).stream("state")


def test_every_flipped_bit_of_a_version_file_is_noticed(run, published):
    path = version_path(run.path, 1)
    with open(path, "rb") as source:
        good = source.read()
    for at in [*range(64), *range(64, len(good) - 64, 97), *range(len(good) - 64, len(good))]:
        raw = bytearray(good)
        raw[at] ^= 1 << (at % 8)
        with open(path, "wb") as target:
            target.write(raw)
        with pytest.raises((CorruptError, StoreError)):
            run.reader(1).check()
    with open(path, "wb") as target:
        target.write(good)
    run.reader(1).check()


@pytest.mark.parametrize(
    "change", [lambda r: r[:-1], lambda r: r + b"\0", lambda r: b"", lambda r: r[:40]]
)
def test_a_version_file_of_the_wrong_length_is_refused(run, published, change):
    path = version_path(run.path, 1)
    with open(path, "rb") as source:
        raw = source.read()
    with open(path, "wb") as target:
        target.write(change(raw))
    with pytest.raises(CorruptError):
        run.version(1)


@given(st.binary(max_size=400))
def test_random_bytes_never_make_a_manifest(raw):
    for text in (raw, VERSION_HEADER + raw, VERSION_HEADER + raw + b"DARTTAIL"):
        tail = text[-TRAILER.size :]
        with pytest.raises((CorruptError, StoreError)):
            trailer = decode_trailer(tail, len(text), "x")
            decode_manifest(text[:16], text[trailer.body_offset :], trailer, "x")
