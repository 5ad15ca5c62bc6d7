"""Measure the store beside its peers, each as its users would use it, in one run.

Takes sizes and repeats; prints a table of medians with their ratio to ``dd conv=fsync`` on the
same disk, and what each one promises when its call returns. Peers that are not installed are
left out. Every repeat of every peer is done in turn, so a machine that slows down slows all.

    python benchmarks/store.py --mib 256 --repeats 3

Units:
    Bulk in MiB/s; small commits and opening in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import MIB, OfH5py, OfIcechunk, OfTensorstore, OfTorch, OfZarr, sync

from dartslurm.delta.cuts import Cuts
from dartslurm.delta.stage import Chunking, stage
from dartslurm.delta.staging import Staging
from dartslurm.model.parts import LeafBuffer, PickledState, StagedVersion
from dartslurm.model.version import RunRecord
from dartslurm.store.chunks import digest, memory_shape, plan_chunks
from dartslurm.store.index import append_index
from dartslurm.store.manifest import Summary
from dartslurm.store.repository import Repository, Run, new_run_id

if TYPE_CHECKING:
    from collections.abc import Callable


class Ours:
    """This store: versions, checksums, two syncs and one name a commit."""

    name, promise = "dartslurm", "bytes and name durable, verified when read"

    def __init__(self, folder: str) -> None:
        self.run = new_run(folder)
        self.writer = self.run.open_writer(attempt=1)
        self.cuts, self.staging = Cuts(), Staging()

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Commit the array as a whole or what changed of it, while the program waits."""
        self.writer.publish(self.staged(array, copies=False))

    def staged(self, array: np.ndarray[Any, Any], *, copies: bool = True) -> StagedVersion:
        """Stage the array; without copies its own memory is written."""
        view = memoryview(array.reshape(-1).view("u1"))
        leaf = LeafBuffer(view, "frames/1/X", array.dtype.str, array.shape)
        pickled = PickledState(b"skeleton", [leaf], {})
        self.staging.begin(in_flight=False, copies=copies)
        known = self.writer.known
        chunking = Chunking(plan_chunks, memory_shape, digest, known, self.cuts, self.staging)
        return stage(pickled, chunking, {"cause": "interval"})

    def read(self) -> None:
        """Read the newest version's array into memory."""
        with self.run.reader(ahead=True) as reader:  # as a resume does
            reader.leaf(0)


FILES, GROWTH, MEMORY = "new files a commit", "bytes written to bytes changed", "writer memory"
PEERS = [Ours, OfIcechunk, OfTensorstore, OfZarr, OfH5py, OfTorch]


def new_run(folder: str) -> Run:
    """Make a store with one run."""
    launch = {"kind": "script", "path": "x.py"}
    record = RunRecord(new_run_id(), time.time(), ["x.py"], "/", "python", "3", launch, {})
    return Repository.open(f"{folder}/store", create=True).create_run(record)


def chunk_digests(array: np.ndarray[Any, Any]) -> list[bytes]:
    """Hash an array chunk by chunk, as every commit does to see what changed."""
    view = memoryview(array.reshape(-1).view("u1"))
    _, spans = plan_chunks(array.shape, array.itemsize)
    return [digest(view[start : start + size]) for start, size in spans]


def timed(act: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def forget(folder: str) -> None:
    """Drop the pages of all files below a folder from the cache, so that reading is from disk."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def settle(array: np.ndarray[Any, Any]) -> None:
    """Let the disk finish, and take and give back twice the memory of an array.

    In a virtual machine the first touch of memory can cost more than what is measured, and who
    comes first pays for all who come after.
    """
    os.sync()
    np.empty(2 * array.nbytes, "u1")[::4096] = 1


def dd(*words: str) -> float:
    """Give the seconds of one call of dd."""
    command = ["dd", "bs=4M", "status=none", *words]
    return timed(lambda: subprocess.run(command, check=True))


def two_syncs(folder: str) -> float:
    """Write 1 KB to a new file and sync it and its folder: the least a durable name costs."""

    def act() -> None:
        handle = os.open(f"{folder}/{time.perf_counter_ns()}", os.O_CREAT | os.O_WRONLY)
        os.write(handle, bytes(1024))
        os.fsync(handle)
        os.close(handle)
        sync(folder)

    return timed(act)


def once(
    place: Path, array: np.ndarray[Any, Any], small: int, rows: dict[str, Any], turn: int
) -> None:
    """Measure every peer once, and dd and the bare syncs beside them; each turn another begins."""
    source = place / "source"
    array.tofile(source)
    settle(array)
    write = dd(f"if={source}", f"of={place}/dd", "conv=fsync")
    forget(str(place))
    settle(array)
    read = dd(f"if={place}/dd", "of=/dev/null")
    note(rows, "dd conv=fsync", "bytes durable", write, read, [], 0.0)
    bare = [two_syncs(str(place)) for _ in range(small)]
    note(rows, "two bare fsyncs", "1 KB and its name durable", 0.0, 0.0, bare, 0.0)
    hashing = [timed(lambda: chunk_digests(array)) for _ in range(3)]
    note(rows, "hashing the state", "part of every commit of ours", 0.0, 0.0, hashing, 0.0)
    first = turn % len(PEERS)
    for peer in PEERS[first:] + PEERS[:first]:
        folder = place / peer.__name__
        folder.mkdir()
        try:
            subject = peer(str(folder))
        except ImportError:
            continue
        settle(array)
        bulk = timed(lambda subject=subject: subject.write(array))  # type: ignore[misc]
        before = bytes_of(folder)
        commits = []
        for step in range(small):
            array[-1, :128] += step + 1
            commits.append(timed(lambda subject=subject: subject.write(array)))  # type: ignore[misc]
        grown = (bytes_of(folder) - before) / small
        if isinstance(subject, Ours):
            look_closer(rows, subject, array, small, grown)
        forget(str(folder))
        settle(array)
        reading = timed(subject.read)
        note(rows, subject.name, subject.promise, bulk, reading, commits, grown)
        shutil.rmtree(folder)


def look_closer(
    rows: dict[str, Any], ours: Ours, array: np.ndarray[Any, Any], small: int, grown: float
) -> None:
    """Note what only we promise: files and bytes a small commit, and memory of the writer."""
    versions = ours.run.versions()
    changed_bytes = statistics.mean(version.bytes_new for version in versions[-small:])
    rows.setdefault(GROWTH, []).append(grown / changed_bytes)
    files = sum(path.is_file() for path in Path(ours.run.path).rglob("*"))
    ours.write(array + 1)
    made = sum(path.is_file() for path in Path(ours.run.path).rglob("*")) - files
    rows.setdefault(FILES, []).append(made)
    array += 2
    staged = ours.staged(array, copies=False)
    before_bytes = status_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    ours.writer.publish(staged)
    rows.setdefault(MEMORY, []).append(status_bytes("VmHWM") - before_bytes)


def status_bytes(name: str) -> int:
    """Give a size that the kernel tells of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def bytes_of(folder: Path) -> int:
    """Give the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def note(
    rows: dict[str, Any], name: str, promise: str, write: float, read: float,
    commits: list[float], grown: float,
) -> None:  # fmt: skip
    """Keep one measurement."""
    row = rows.setdefault(
        name, {"promise": promise, "write": [], "read": [], "small": [], "grown": []}
    )
    row["write"].append(write)
    row["read"].append(read)
    row["small"] += commits
    row["grown"].append(grown)


def opening(place: Path, versions: int) -> float:
    """Give the seconds to open a run of many versions and list them; the files are made plainly."""
    run = new_run(str(place / "many"))
    writer = run.open_writer(attempt=1)
    writer.publish(StagedVersion({}, {}, [], 0, 0))
    first = Path(run.path, "versions", "0000000001")
    listed = run.versions()[0]
    summaries = []
    for number in range(2, versions + 1):
        os.link(first, first.with_name(f"{number:010d}"))
        summaries.append(
            Summary(number, number - 1, 1, 1, listed.time_utc, "interval", "a.py:1, f", "n1",
                    512, 512, 512, 0.01, 0.01)
        )  # fmt: skip
    append_index(run.path, summaries)
    root, name = str(Path(run.path).parents[1]), run.record.run_id
    return min(timed(lambda: Repository.open(root).run(name).versions()) for _ in range(3))


def medians(rows: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Give the middle of each column of each peer."""
    return {
        name: {key: statistics.median(row[key] or [0.0]) for key in row if key != "promise"}
        for name, row in rows.items()
        if isinstance(row, dict)
    }


def show_targets(rows: dict[str, Any], versions: int, opening_seconds: float) -> None:
    """Print each target beside what was measured."""
    middle = medians(rows)
    ours, base = middle["dartslurm"], middle["dd conv=fsync"]
    syncs, hashing = middle["two bare fsyncs"]["small"], middle["hashing the state"]["small"]
    allowed = 2 * syncs + hashing
    found = [
        ("bulk commit to dd conv=fsync", ">= 0.80", base["write"] / ours["write"], 0.8, False),
        ("bulk read to dd", ">= 0.80", base["read"] / ours["read"], 0.8, False),
        ("1 KB commit to two bare fsyncs twice, and hashing", "<= 1.00",
         ours["small"] / allowed, 1.0, True),
        (FILES, "<= 2", max(rows[FILES]), 2, True),
        (GROWTH, "<= 1.10", statistics.median(rows[GROWTH]), 1.1, True),
        (f"seconds to open a run of {versions} versions", "<= 0.20", opening_seconds, 0.2, True),
        (f"{MEMORY}, MiB", "<= 256", statistics.median(rows[MEMORY]) / MIB, 256, True),
    ]  # fmt: skip
    print(f"\n{'target':<52}{'wanted':>9}{'found':>9}")
    for name, wanted, value, limit, is_most in found:
        kept = value <= limit if is_most else value >= limit
        print(f"{name:<52}{wanted:>9}{value:>9.2f}  {'kept' if kept else 'MISSED'}")


def show(rows: dict[str, Any], size_bytes: int) -> None:
    """Print the table."""
    middle = medians(rows)
    base, bare = middle["dd conv=fsync"], middle["two bare fsyncs"]["small"]
    head = ("", "write MiB/s", "to dd", "read MiB/s", "to dd", "1 KB ms", "to bare", "grown KiB")
    print(f"{head[0]:<19}" + "".join(f"{word:>12}" for word in head[1:]) + "  promise")
    for name, row in middle.items():
        cells = [
            f"{size_bytes / MIB / row['write']:.0f}" if row["write"] else "-",
            f"{base['write'] / row['write']:.2f}" if row["write"] else "-",
            f"{size_bytes / MIB / row['read']:.0f}" if row["read"] else "-",
            f"{base['read'] / row['read']:.2f}" if row["read"] else "-",
            f"{row['small'] * 1e3:.2f}" if row["small"] else "-",
            f"{row['small'] / bare:.2f}" if row["small"] else "-",
            f"{row['grown'] / 1024:.0f}" if row["grown"] else "-",
        ]
        print(
            f"{name:<19}" + "".join(f"{cell:>12}" for cell in cells) + f"  {rows[name]['promise']}"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256, help="size of the state (default: 256)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", type=int, default=15, help="small commits a repeat")
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--folder", help="on the disk to measure (default: a temporary folder)")
    chosen = parser.parse_args()
    array = np.random.default_rng(0).standard_normal((chosen.mib * 64, 2048))
    rows: dict[str, Any] = {}
    for turn in range(chosen.repeats):
        with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
            once(Path(name), array, chosen.small, rows, turn)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {chosen.mib} MiB of float64, medians of {chosen.repeats}"
    )
    show(rows, array.nbytes)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        seconds = opening(Path(name), chosen.versions)
    show_targets(rows, chosen.versions, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
