"""Attacks on the bytes: flipped bits, and bytes that somebody made up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dartslurm.errors import DartError, UntrustedError
from dartslurm.journal import Journal
from dartslurm.store.chunks import digest
from dartslurm.store.codec import Codec, decode_chunk, encode_chunk
from dartslurm.store.manifest import PACK_HEADER, TRAILER, decode_trailer
from dartslurm.store.prune import Keep, carry_out, plan_prune
from dartslurm.store.signature import configured_key
from dartslurm.store.verify import verify_run
from dartslurm.store.versions import read_manifest


def flip_bits(folder, each, shop):
    """Flip one bit at a time in every region of every file kind that carries a checksum."""
    tally = shop.Tally("a flipped bit in every region of every file kind")
    run = shop.new_run(folder)
    writer = run.open_writer(attempt=1)
    for seed in range(1, 8):
        shop.publish(writer, seed)
    writer.close()
    carry_out(plan_prune(run.path, Keep(last=3)), Keep(last=3))
    run.finish(0)
    dice = random.Random(3)
    kinds = {}
    for path in sorted(Path(run.path).rglob("*")):
        if path.is_file() and path.name not in ("index", "reserve"):
            kinds.setdefault((path.parent.name, path.suffix), path)
    for path in kinds.values():
        good = path.read_bytes()
        spots = {*range(min(40, len(good))), *range(max(0, len(good) - 80), len(good))}
        for at in sorted(spots | {dice.randrange(len(good)) for _ in range(each)}):
            bad = bytearray(good)
            bad[at] ^= 1 << dice.randrange(8)
            path.write_bytes(bad)
            tally.tries += 1
            try:
                seen = verify_run(shop.again(run), shop.quiet).damages
                if not seen and _is_used(run, path, at, shop):
                    tally.unseen.append((path.name, at))
            except DartError:
                pass
        path.write_bytes(good)
    return tally


def _is_used(run, path, at, shop):
    """Tell whether a byte means anything.

    A pruned version's file serves as a name or container only, and its own manifest is no matter;
    a pack has gaps, where a chunk begins as far into a page as in its array.
    """
    numbers = {version.number for version in shop.again(run).versions()}
    if path.parent.name == "versions":
        return int(path.name) in numbers
    if path.parent.name != "packs":
        return True
    spans = [(0, len(PACK_HEADER))]
    for manifest in (read_manifest(run.path, number) for number in numbers):
        spans += [
            (row.offset, row.stored_bytes)
            for row in manifest.rows
            if manifest.containers[row.container] == path.name
        ]
    return any(start <= at < start + length for start, length in spans)


def forge_signed(folder, tries, shop, seed=2):
    """Change bytes of signed versions and make every checksum right again: all must be refused."""
    tally = shop.Tally("a signed version changed, its checksums made right")
    key = Path(folder, "key")
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    dice = random.Random(seed)
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("DART_KEY_FILE", str(key))
        configured_key.cache_clear()
        run = shop.new_run(folder)
        writer = run.open_writer(attempt=1)
        for number in (1, 3, 5):  # in their files, and in a pack
            shop.publish(writer, number)
        writer.close()
        for path in sorted(Path(run.path, "versions").iterdir()):
            good = path.read_bytes()
            start = decode_trailer(good[-TRAILER.size :], len(good), "x").body_offset
            for _ in range(tries):
                bad = bytearray(good)
                bad[dice.randrange(start, len(good) - TRAILER.size)] ^= 1 << dice.randrange(8)
                bad[-24:-8] = digest(bytes(bad[start:-24]))
                path.write_bytes(bad)
                tally.tries += 1
                try:
                    shop.again(run).reader(int(path.name)).check()
                    tally.unseen.append(path.name)
                except UntrustedError:
                    pass
            path.write_bytes(good)
            shop.check(shop.again(run), int(path.name))
    configured_key.cache_clear()
    return tally


def fuzz_parsers(folder, rounds, shop, seed=1):
    """Change valid bytes of every kind at random; a parser may only refuse, never crash."""
    tally = shop.Tally("fuzzing of every parser")
    run = shop.new_run(folder)
    writer = run.open_writer(attempt=1)
    for number in range(1, 5):
        shop.publish(writer, number)
    Journal(f"{run.path}/journal").write("opened", path="a", length_bytes=3)
    writer.close()
    carry_out(plan_prune(run.path, Keep(last=2)), Keep(last=2))
    run.finish(0)
    files = [path for path in Path(run.path).rglob("*") if path.is_file()]
    files = [path for path in files if path.stat().st_size < 1 << 20]
    dice = random.Random(seed)
    for _ in range(rounds):
        path = dice.choice(files)
        good = path.read_bytes()
        path.write_bytes(_mangled(good, dice))
        tally.tries += 1
        try:
            _read_all(run, shop)
        except Exception as error:
            tally.unseen.append((path.name, repr(error)))
        path.write_bytes(good)
    text = bytes(range(256)) * 40
    for codec in (Codec.ZLIB, Codec.ZSTD, Codec.SHUFFLED, 77):
        good = bytes(encode_chunk(text, codec, 8)[0]) if codec != 77 else text
        for _ in range(rounds // 4):
            tally.tries += 1
            size = dice.choice([len(text), 0, 1, 1 << 20])
            try:
                decoded = decode_chunk(_mangled(good, dice), codec, size, "x")
                if len(decoded) != size:
                    tally.unseen.append((codec, len(decoded)))
            except DartError:
                pass
            except Exception as error:
                tally.unseen.append((codec, repr(error)))
    return tally


def _mangled(good, dice):
    bad = bytearray(good or b"\0")
    for _ in range(dice.choice([1, 1, 2, 5])):
        at = dice.randrange(len(bad))
        act = dice.randrange(4)
        if act == 0:
            bad[at] = dice.randrange(256)
        elif act == 1:
            bad[at : at + dice.randrange(1, 30)] = b""
        elif act == 2:
            bad[at:at] = dice.randbytes(dice.randrange(1, 30))
        else:
            bad[at : at + 8] = dice.choice([b"\xff" * 8, bytes(8), b"[" * 8, b"9" * 8])
        bad = bad or bytearray(b"\0")
    return bytes(bad)


def _read_all(run, shop):
    """Read everything in every way; refusals are fine."""
    acts = (
        lambda: shop.again(run).versions(),
        lambda: shop.again(run).reader().check(),
        lambda: shop.again(run).holder(),
        lambda: verify_run(shop.again(run), shop.quiet),
        lambda: plan_prune(run.path, Keep(last=1)),
        lambda: Journal(f"{run.path}/journal").read(),
    )
    for act in acts:
        try:
            act()
        except DartError:
            pass
