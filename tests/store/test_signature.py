"""With a key only what the key has signed is loaded; without one all is as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from dartslurm.errors import CorruptError, UntrustedError, UsageError
from dartslurm.store import manifest as manifests
from dartslurm.store import reader as readers
from dartslurm.store.chunks import digest
from dartslurm.store.copy import copy_run
from dartslurm.store.manifest import TRAILER, decode_trailer
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.records import encode_record
from dartslurm.store.repository import Repository
from dartslurm.store.signature import configured_key
from dartslurm.store.verify import verify_run

UNSIGNED, FORGED = "is not signed", "has a signature that is not of your key"
NOISE = np.random.default_rng(3).standard_normal((400, 150))  # 480 kB: a pack of its own


@pytest.fixture
def use_key(monkeypatch, tmp_path):
    """Return a function that makes a key the user's; with ``None`` the user has none."""

    def use(name):
        path = tmp_path / f"key-{name}"
        if name is not None and not path.exists():
            path.write_bytes(os.urandom(32).hex().encode() + b"\n")
            path.chmod(0o600)
        monkeypatch.setenv("DART_KEY_FILE", "" if name is None else str(path))
        configured_key.cache_clear()
        return path

    yield use
    configured_key.cache_clear()


@pytest.fixture
def signed(use_key, repository, record, stage):
    """A run of two signed versions; the second refers to a pack of the first."""
    use_key("mine")
    run = repository.create_run(record())
    writer = run.open_writer(attempt=1)
    for number in (1, 2):
        writer.publish(stage({"state": b"%d" % number}, [("x", NOISE)], writer, note="genuine"))
    writer.close()
    return run


def again(run):
    return Repository.open(str(Path(run.path).parents[1])).run(run.record.run_id)


def newest_file(run):
    return max(Path(run.path, "versions").iterdir())


def forge(path, old, new):
    """Change a version file as one who can write it, and make every checksum right again."""
    content = path.read_bytes()
    trailer = decode_trailer(content[-TRAILER.size :], len(content), "x")
    assert old in content[trailer.body_offset :]
    changed = bytearray(content.replace(old, new))
    sealed = bytes(changed[trailer.body_offset : len(content) - TRAILER.size + 40])
    changed[-24:-8] = digest(sealed)
    path.write_bytes(changed)


def strip_signature(path):
    """Make an unsigned version of a signed one; all that is left is right."""
    content = path.read_bytes()
    trailer = decode_trailer(content[-TRAILER.size :], len(content), "x")
    table_end = trailer.body_offset + trailer.body_stored + 40 * trailer.rows
    flags = trailer.flags & ~manifests._SIGNED
    sealed = manifests._SEALED.pack(*trailer[:5], flags)
    whole = content[trailer.body_offset : table_end] + sealed
    path.write_bytes(content[: trailer.body_offset] + whole + digest(whole) + b"DARTTAIL")


def refused(run, words):
    for act in (lambda: again(run).reader(), lambda: verify_run(again(run), lambda *_: None)):
        with pytest.raises(UntrustedError, match=words):
            act()


def test_signed_versions_are_read_with_the_key_and_without_any(signed, use_key):
    for name in ("mine", None):
        use_key(name)
        with again(signed).reader() as reader:
            assert reader.stream("state") == b"2"
            assert reader.leaf(0) == NOISE.tobytes()
        assert verify_run(again(signed), lambda *_: None).damages == []


def test_a_changed_manifest_with_right_checksums_is_refused(signed, use_key):
    forge(newest_file(signed), b'"note": "genuine"', b'"note": "tricked"')
    refused(signed, FORGED)
    use_key(None)  # nothing but the signature tells
    assert again(signed).newest().meta["note"] == "tricked"


def test_each_flipped_byte_of_a_signed_manifest_is_refused(signed):
    path = newest_file(signed)
    good = path.read_bytes()
    trailer = decode_trailer(good[-TRAILER.size :], len(good), "x")
    for at in range(trailer.body_offset, len(good) - TRAILER.size, 7):
        bad = bytearray(good)
        bad[at] ^= 0x10
        bad[-24:-8] = digest(bytes(bad[trailer.body_offset : len(good) - 24]))
        path.write_bytes(bad)
        with pytest.raises(UntrustedError):
            again(signed).reader()


def test_another_key_and_no_signature_are_told_apart(signed, use_key):
    use_key("other")
    record = Path(signed.path, "run.json")
    with pytest.raises(UntrustedError, match=FORGED):
        again(signed)
    use_key("mine")
    strip_signature(newest_file(signed))
    refused(signed, UNSIGNED)
    use_key(None)
    assert again(signed).newest().number == 2
    assert b"hmac-sha256:" in record.read_bytes()


def test_a_forged_newest_version_is_not_passed_over(signed):
    forge(newest_file(signed), b'"note": "genuine"', b'"note": "tricked"')
    os.remove(f"{signed.path}/index")
    refused(signed, FORGED)
    assert again(signed).reader(1).stream("state") == b"1"


def test_a_chunk_exchanged_for_one_of_the_same_checksum_is_refused(signed, monkeypatch):
    (pack,) = Path(signed.path, "packs").iterdir()
    content = bytearray(pack.read_bytes())
    content[20] ^= 1
    pack.write_bytes(content)
    rows = again(signed).reader(2).manifest.rows
    made_for = {bytes(row.size_bytes): row.digest for row in rows}
    by_size = {len(size): name for size, name in made_for.items()}
    monkeypatch.setattr(readers, "digest", lambda piece: by_size[len(piece)])
    with pytest.raises(CorruptError, match="signed"):
        again(signed).reader()


def test_a_changed_record_of_the_run_is_refused(signed):
    path = Path(signed.path, "run.json")
    fields = json.loads(path.read_bytes().partition(b"\n")[0])
    fields = {name: fields[name] for name in fields if name not in ("kind", "format")}
    path.write_bytes(encode_record("run", {**fields, "argv": ["evil.py"]}))
    with pytest.raises(UntrustedError, match=UNSIGNED):
        again(signed)


def test_nothing_of_an_unsigned_version_is_built_upon(signed, use_key, stage):
    use_key(None)
    writer = again(signed).open_writer(attempt=2)
    writer.publish(stage({"state": b"3"}, [("x", NOISE)], writer))
    use_key("mine")
    writer = again(signed).open_writer(attempt=3)
    version = writer.publish(stage({"state": b"4"}, [("x", NOISE)], writer))
    assert version.bytes_new >= NOISE.nbytes
    with again(signed).reader() as reader:
        assert reader.leaf(0) == NOISE.tobytes()


def test_pruning_signs_anew_or_lets_be(signed, use_key, stage):
    rows = np.random.default_rng(5).integers(0, 1 << 60, (5, 40_000))
    writer = again(signed).open_writer(attempt=2)
    for number in range(3, 8):
        rows[1:] += number
        writer.publish(stage({"state": b"%d" % number}, [("x", rows)], writer))
    writer.close()
    keep = Keep(last=1, every=4)
    use_key(None)
    assert plan_prune(signed.path, keep).rewrites == []
    use_key("mine")
    plan = plan_prune(signed.path, keep)
    assert plan.rewrites
    carry_out(plan, keep)
    assert verify_run(again(signed), lambda *_: None).damages == []
    with again(signed).reader() as reader:
        assert reader.leaf(0) == rows.tobytes()


def test_a_copy_keeps_the_signatures(signed, use_key, tmp_path):
    use_key(None)
    other = Repository.open(str(tmp_path / "other"), create=True)
    copy_run(again(signed), other, lambda *_: None)
    use_key("mine")
    with other.run(signed.record.run_id).reader() as reader:
        assert reader.leaf(0) == NOISE.tobytes()


def test_a_key_that_others_may_read_is_refused(use_key):
    use_key("mine").chmod(0o640)
    with pytest.raises(UntrustedError, match="chmod 600"):
        configured_key()


@pytest.mark.parametrize("content", [None, b"", b"short\n"])
def test_a_key_that_is_named_must_be_there(use_key, content):
    path = use_key("mine")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(UsageError, match="key"):
        configured_key()


def test_a_key_in_the_users_configuration_is_found(use_key, monkeypatch, tmp_path):
    path = use_key("mine")
    place = tmp_path / "config" / "dartslurm" / "key"
    place.parent.mkdir(parents=True)
    path.rename(place)
    monkeypatch.delenv("DART_KEY_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    configured_key.cache_clear()
    assert configured_key() == place.read_bytes().strip()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "empty"))
    configured_key.cache_clear()
    assert configured_key() is None
