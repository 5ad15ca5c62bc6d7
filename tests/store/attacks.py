"""Attack a store in every way we know, and count: what was lost, and what damage went unseen.

Each attack gives a `Tally`. The tests of the suite call them with small numbers;

    python tests/store/attacks.py --kills=1000

runs them all and prints the table. Every attack works on the local disk, with real processes,
signals and files; a power cut is played by the crash model.
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))

from dartslurm import disk  # noqa: E402
from dartslurm.errors import ConflictError, DartError, StoreError  # noqa: E402
from dartslurm.store.copy import copy_run  # noqa: E402
from dartslurm.store.prune import Keep, carry_out, plan_prune  # noqa: E402
from dartslurm.store.repository import Repository  # noqa: E402
from dartslurm.store.verify import verify_run  # noqa: E402

KEPT = 30
"""Versions that prunings keep here; acknowledged ones among the newest must be there."""


def beside(name):
    """Load a module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"dart_store_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module


FIXTURES = beside("conftest")
BYTES = beside("attacks_on_bytes")
stage = FIXTURES.stage_version


@dataclass
class Tally:
    """What an attack did and what it found. ``caught`` counts mutants of the protocol."""

    kind: str
    tries: int = 0
    lost: list = field(default_factory=list)
    unseen: list = field(default_factory=list)
    mutants: int | None = None
    caught: int = 0

    @property
    def failed(self):
        return bool(self.lost or self.unseen or (self.mutants or 0) > self.caught)

    def row(self):
        counts = f"{self.tries:>8}{len(self.lost):>7}{len(self.unseen):>8}"
        mutants = "-" if self.mutants is None else f"{self.caught} of {self.mutants}"
        return f"{self.kind:<52}{counts}{mutants:>10}"


def quiet(done, total):
    """Nobody looks."""


def new_run(folder):
    return Repository.open(f"{folder}/store", create=True).create_run(FIXTURES.make_record())


def again(run):
    """The run as a fresh process finds it."""
    return Repository.open(str(Path(run.path).parents[1])).run(run.record.run_id)


def leaves_of(seed):
    size = 1_000_000 if seed % 3 == 0 else 1000
    return [("x", np.frombuffer(random.Random(seed).randbytes(size), "u1"))]


def publish(writer, seed):
    return writer.publish(stage({"state": b"%d" % seed}, leaves_of(seed), writer)).number


def check(run, number):
    """Read a version and compare every byte with what its seed says."""
    with run.reader(number) as reader:
        seed = int(reader.stream("state"))
        assert reader.leaf(0) == leaves_of(seed)[0][1].tobytes(), f"version {number} differs"
    return seed


# --- SIGKILL ---------------------------------------------------------------------------------


def victim(run, attempt, acks):
    """Publish, and sometimes prune, until killed; say each acknowledged version."""
    writer = again(run).open_writer(attempt=attempt)
    dice = random.Random(os.getpid() * 1009 + attempt)
    while True:
        seed = dice.randrange(1 << 30)
        os.write(acks, b"%d %d\n" % (publish(writer, seed), seed))
        if dice.random() < 0.15:
            carry_out(plan_prune(run.path, Keep(last=KEPT)), Keep(last=KEPT))


def kill_writers(folder, kills, seed=11):
    """Fork a writer, kill it at a random instant, look with a fresh reader; again and again."""
    tally = Tally("SIGKILL of a writer that also prunes")
    run, dice = new_run(folder), random.Random(seed)
    acked, checked = {}, set()
    for attempt in range(1, kills + 1):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                victim(run, attempt, writing)
            finally:
                os._exit(1)
        os.close(writing)
        # Every fourth is killed while it opens the run, the others after their first version.
        select.select([reading], [], [], 0 if attempt % 4 == 0 else 30)
        time.sleep(dice.uniform(0.002, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reading, "rb") as source:
            rows = [line.split() for line in source.read().splitlines()]
        acked |= {int(number): int(value) for number, value in rows}
        tally.tries += 1
        _look_after_kill(again(run), acked, checked, tally)
    tally.unseen += verify_run(again(run), quiet).damages
    tally.acknowledged = len(acked)
    return tally


def _look_after_kill(run, acked, checked, tally):
    visible = {version.number for version in run.versions()}
    highest = max({*acked, *visible}, default=0)
    tally.lost += [n for n in acked if n > highest - KEPT and n not in visible]
    tally.lost += sorted(run.damaged())
    for number in sorted(visible - checked):
        try:
            if check(run, number) != acked.get(number, check(run, number)):
                tally.lost.append(number)
        except (DartError, AssertionError):
            tally.lost.append(number)
    checked |= visible


# --- two and four writers ----------------------------------------------------------------------


def race_writers(folder, writers, rounds):
    """Let several processes claim one run at once; each publishes until it is fenced."""
    tally = Tally(f"{writers} writers racing for a run")
    for turn in range(rounds):
        run = new_run(f"{folder}/{writers}-{turn}")
        reading, writing = os.pipe()
        children = []
        for attempt in range(1, writers + 1):
            children.append(os.fork())
            if children[-1] == 0:
                _race(run, attempt, turn, writing)
        os.close(writing)
        for child in children:
            os.waitpid(child, 0)
        with open(reading, "rb") as source:
            acked = dict(map(int, line.split()) for line in source.read().splitlines())
        fresh = again(run)
        visible = {version.number for version in fresh.versions()}
        tally.lost += [n for n in acked if n not in visible or check(fresh, n) != acked[n]]
        tally.unseen += verify_run(fresh, quiet).damages
        tally.tries += 1
    return tally


def _race(run, attempt, turn, acks):
    try:
        writer = again(run).open_writer(attempt=attempt)
        for step in range(12):
            seed = turn * 1000 + attempt * 100 + step
            os.write(acks, b"%d %d\n" % (publish(writer, seed), seed))
    except ConflictError:
        pass
    finally:
        os._exit(0)


# --- a disk that refuses -----------------------------------------------------------------------


def fail_every_call(folder, error):
    """Make each call of a commit, a pruning and a copy fail once with an error of the disk."""
    tally = Tally(f"{errno.errorcode[error]} at every call of commit, prune, copy")
    acts = {"commit": _commit_once, "prune": _prune_once, "copy": _copy_once}
    for name, act in acts.items():
        for fail_at in range(1, 1000):
            place = f"{folder}/{name}-{fail_at}"
            run = new_run(place)
            writer = run.open_writer(attempt=1)
            acked = [publish(writer, seed) for seed in (3, 4, 6)]
            with pytest.MonkeyPatch.context() as patches:
                calls = _failing(patches, fail_at, error)
                try:
                    act(run, writer, place)
                except DartError:
                    pass
            tally.tries += 1
            fresh = again(run)
            visible = {version.number for version in fresh.versions()}
            wanted = acked[-1:] if name == "prune" else acked
            tally.lost += [(name, fail_at, n) for n in wanted if n not in visible]
            tally.unseen += verify_run(fresh, quiet).damages
            if publish(writer, 9) <= acked[-1]:
                tally.lost.append((name, fail_at))
            shutil.rmtree(place)
            if len(calls) < fail_at:
                break
    return tally


def _commit_once(run, writer, place):
    publish(writer, 12)


def _prune_once(run, writer, place):
    carry_out(plan_prune(run.path, Keep(last=1)), Keep(last=1))


def _copy_once(run, writer, place):
    copy_run(run, Repository.open(f"{place}/other", create=True), quiet)


def _failing(patches, fail_at, error):
    calls = []

    def wrap(real):
        def call(*arguments):
            calls.append(real)
            if len(calls) == fail_at:
                raise OSError(error, os.strerror(error))
            return real(*arguments)

        return call

    for name in FIXTURES.CALLS:
        patches.setattr(disk, name, wrap(getattr(disk, name)))
    return calls


def fill_a_small_disk(folder, rounds):
    """Fill a tmpfs of 4 MiB, prune, and go on; ``None`` without the right to mount one."""
    tally = Tally("ENOSPC on a tmpfs of 4 MiB, then prune and go on")
    place = f"{folder}/small"
    os.mkdir(place)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return None
    try:
        run = new_run(place)
        writer = run.open_writer(attempt=1)
        acked, seed = {}, 0
        for _ in range(rounds):
            try:
                while True:
                    seed += 3
                    acked[publish(writer, seed)] = seed
            except StoreError as full:
                assert full.kind == "store-full", full
            tally.tries += 1
            fresh = again(run)
            visible = {version.number for version in fresh.versions()}
            tally.lost += [n for n in acked if n not in visible or check(fresh, n) != acked[n]]
            tally.unseen += verify_run(fresh, quiet).damages
            carry_out(plan_prune(run.path, Keep(last=1)), Keep(last=1))
            acked = {n: s for n, s in acked.items() if n == max(acked)}
    finally:
        subprocess.run(["umount", place], check=True)
    return tally


# --- power cuts --------------------------------------------------------------------------------


def cut_the_power(folder, name, kind, rounds):
    """Play every prefix of the calls, then the mutants, each of which must be caught."""
    tests = beside(name)
    tally = Tally(kind, mutants=len(tests.MUTANTS))
    found, tally.tries, _ = FIXTURES.explore_life(tests, f"{folder}/real", rounds)
    tally.lost += found
    for number, skip in enumerate(tests.MUTANTS.values()):
        place = f"{folder}/mutant{number}"
        seen, _, _ = FIXTURES.explore_life(tests, place, 6, skip_sync=skip, stop_at_first=True)
        tally.caught += bool(seen)
    return tally


def every_attack(folder, kills, rounds):
    yield lambda: cut_the_power(folder / "a", "test_crash", "power cut while committing", rounds)
    yield lambda: cut_the_power(folder / "b", "test_crash_upkeep", "power cut while pruning", 1)
    yield lambda: cut_the_power(folder / "i", "test_crash_copy", "power cut while copying", 3)
    yield lambda: cut_the_power(folder / "j", "test_crash_sharing", "power cut while sharing", 3)
    yield lambda: kill_writers(folder / "c", kills)
    for error in (errno.EIO, errno.EDQUOT, errno.ENOSPC):
        yield lambda error=error: fail_every_call(folder / f"d{error}", error)
    yield lambda: fill_a_small_disk(folder, 6)
    yield lambda: BYTES.flip_bits(folder / "e", 150, sys.modules[__name__])
    yield lambda: BYTES.forge_signed(folder / "k", 400, sys.modules[__name__])
    yield lambda: race_writers(folder / "f", 2, 25)
    yield lambda: race_writers(folder / "g", 4, 25)
    yield lambda: BYTES.fuzz_parsers(folder / "h", 2000, sys.modules[__name__])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=12, help="random fates of each prefix")
    chosen = parser.parse_args()
    for size in FIXTURES.SIZES:
        setattr(*size)
    print(f"{'kind':<52}{'tries':>8}{'lost':>7}{'unseen':>8}{'mutants':>10}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for attack in every_attack(Path(name), chosen.kills, chosen.rounds):
            tally = attack()
            print(tally.row() if tally else "a full tmpfs: not tried, it needs root", flush=True)
            failed |= bool(tally and tally.failed)
            for what in (tally.lost[:3] + tally.unseen[:3]) if tally else ():
                print(f"    {what}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
