"""A model of what a power cut leaves: record the calls of `disk`, rebuild every state.

What POSIX promises is durable: a file's bytes after its sync, a folder's names after its sync.
Everything else is volatile: a state keeps any part of it (bytes whole, lost, torn in the middle or
zeroed; names kept or lost, each on its own).
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from itertools import product

import pytest

from dartslurm import disk
from dartslurm.errors import DartError

RECORDED = "open writev pwritev fdatasync fsync link unlink rename mkdir".split()


@dataclass
class Op:
    """One call. ``node`` is a file or folder; ``changes`` are (folder, name, node or None)."""

    kind: str
    node: int = 0
    offset: int = 0
    content: bytes = b""
    changes: list = field(default_factory=list)
    mark: object = None


class Recorder:
    """Stands between `disk` and the operating system, and writes down what is asked."""

    def __init__(self, root, monkeypatch, skip_sync=lambda path: False):
        self.root = os.path.realpath(root)
        self.ops = []
        self.skip_sync = skip_sync
        self.skipped = 0
        self._nodes = {self.root: 0}
        self._sizes = {}
        self._open = {}
        self._paths = {}
        self._real = {}
        for name in RECORDED:
            self._real[name] = getattr(disk, f"_{name}")
            monkeypatch.setattr(disk, f"_{name}", getattr(self, name))
        self._real["close"] = disk._close
        monkeypatch.setattr(disk, "_close", self.close)

    def _new(self):
        return len(self._nodes) + len(self._sizes) + len(self.ops) + 1

    def _place(self, path):
        above, _, name = path.rpartition("/")
        return self._nodes[above], name

    def mark(self, value):
        self.ops.append(Op("mark", mark=value))

    def open(self, path, flags, mode=0o777):
        fd = self._real["open"](path, flags, mode)
        if flags & os.O_CREAT and path not in self._nodes:
            node = self._nodes[path] = self._new()
            self._sizes[node] = 0
            self.ops.append(Op("name", changes=[(*self._place(path), node)]))
        self._open[fd], self._paths[fd] = self._nodes[path], path
        return fd

    def close(self, fd):
        self._open.pop(fd, None)
        return self._real["close"](fd)

    def writev(self, fd, views):
        written = self._real["writev"](fd, views)
        node = self._open[fd]
        content = b"".join(bytes(view) for view in views)[:written]
        self.ops.append(Op("bytes", node, self._sizes[node], content))
        self._sizes[node] += written
        return written

    def pwritev(self, fd, views, offset):
        written = self._real["pwritev"](fd, views, offset)
        content = b"".join(bytes(view) for view in views)[:written]
        self.ops.append(Op("bytes", self._open[fd], offset, content))
        self._sizes[self._open[fd]] = max(self._sizes[self._open[fd]], offset + written)
        return written

    def _sync(self, fd, real):
        if self.skip_sync(self._paths[fd][len(self.root) :]):
            self.skipped += 1
            return None
        self.ops.append(Op("sync", self._open[fd]))
        return real(fd)

    def fdatasync(self, fd):
        return self._sync(fd, self._real["fdatasync"])

    def fsync(self, fd):
        return self._sync(fd, self._real["fsync"])

    def mkdir(self, path, mode):
        self._real["mkdir"](path, mode)
        node = self._nodes[path] = self._new()
        self.ops.append(Op("name", changes=[(*self._place(path), node)], mark="folder"))

    def link(self, source, target):
        self._real["link"](source, target)
        node = self._nodes[target] = self._nodes[source]
        self.ops.append(Op("name", changes=[(*self._place(target), node)]))

    def unlink(self, path):
        self._real["unlink"](path)
        self._nodes.pop(path)
        self.ops.append(Op("name", changes=[(*self._place(path), None)]))

    def rename(self, source, target):
        self._real["rename"](source, target)
        changes = [(*self._place(source), None)]
        inside = [path for path in self._nodes if path.startswith(f"{source}/")]
        for path in [source, *inside]:
            self._nodes[target + path[len(source) :]] = self._nodes.pop(path)
        self.ops.append(Op("name", changes=[*changes, (*self._place(target), self._nodes[target])]))


def volatile(ops):
    """Which calls of a prefix the disk still may lose."""
    synced = set()
    open_ends = []
    for index in range(len(ops) - 1, -1, -1):
        op = ops[index]
        if op.kind == "sync":
            synced.add(op.node)
        elif (op.kind == "bytes" and op.node not in synced) or (
            op.kind == "name" and not all(folder in synced for folder, _, _ in op.changes)
        ):
            open_ends.append(index)
    return open_ends[::-1]


def choices(ops, rounds, rng):
    """Which fates of the volatile calls to try: none, all, every small subset, random ones."""
    open_ends = volatile(ops)
    yield {}
    yield dict.fromkeys(open_ends, "full")
    if 0 < len(open_ends) <= 5:
        for fates in product(("lost", "full"), repeat=len(open_ends)):
            yield dict(zip(open_ends, fates, strict=True))
    for _ in range(rounds if open_ends else 0):
        yield {
            index: rng.choice(
                ("lost", "full", "torn", "zero") if ops[index].kind == "bytes" else ("lost", "full")
            )
            for index in open_ends
        }


def rebuild(ops, fates):
    """Give the state as {path: bytes or None for a folder}, and the marks that were reached."""
    lasting = set(range(len(ops))) - set(volatile(ops))
    names, contents, folders = {0: {}}, {}, {0}
    for index, op in enumerate(ops):
        fate = "full" if index in lasting else fates.get(index, "lost")
        if op.kind == "name":
            if op.mark == "folder":
                folders.add(op.changes[0][2])
            for folder, name, node in op.changes if fate == "full" else ():
                entries = names.setdefault(folder, {})
                entries.pop(name, None)
                if node is not None:
                    entries[name] = node
        elif op.kind == "bytes" and fate != "lost":
            half = op.content[: len(op.content) // 2]
            piece = {"full": op.content, "torn": half, "zero": bytes(len(op.content))}[fate]
            content = contents.setdefault(op.node, bytearray())
            content.extend(bytes(max(0, op.offset + len(piece) - len(content))))
            content[op.offset : op.offset + len(piece)] = piece
    return _walk(names, contents, folders), [op.mark for op in ops if op.kind == "mark"]


def _walk(names, contents, folders):
    files, waiting = {}, [("", 0)]
    while waiting:
        above, folder = waiting.pop()
        for name, node in names.get(folder, {}).items():
            path = f"{above}/{name}"
            if node in folders:
                files[path] = None
                waiting.append((path, node))
            else:
                files[path] = bytes(contents.get(node, b""))
    return files


def lay_out(files, root):
    """Write a state to a fresh folder, with our modes."""
    os.makedirs(root, mode=0o700)
    for path in sorted(files):
        if files[path] is None:
            os.mkdir(root + path, 0o700)
        else:
            with open(root + path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as target:
                target.write(files[path])


def states(ops, rounds, seed, first=0):
    """Every prefix of at least ``first`` calls with the fates to try, each distinct state once."""
    rng = random.Random(seed)
    seen = set()
    for upto in range(first, len(ops) + 1):
        prefix = ops[:upto]
        for fates in choices(prefix, rounds, rng):
            files, marks = rebuild(prefix, fates)
            key = hash((tuple(sorted(files.items())), tuple(map(str, marks))))
            if key not in seen:
                seen.add(key)
                yield files, marks


def explore(folder, live, violations, rounds, skip_sync=lambda path: False, stop_at_first=False):
    """Record a life, lay out every state a power cut may leave, and ask what is wrong there.

    ``live(root, recorder)`` gives how many calls come before the first cut; ``violations(root,
    marks)`` what a fresh process finds wrong. Gives the findings, the states and the recorder.
    """
    os.makedirs(f"{folder}/live", 0o700)
    with pytest.MonkeyPatch.context() as patches:
        recorder = Recorder(f"{folder}/live", patches, skip_sync)
        begun = live(recorder.root, recorder) or 0
    place = "/dev/shm" if os.path.isdir("/dev/shm") else str(folder)
    root = f"{place}/dart-crash-{os.getpid()}"
    found, count = [], 0
    for files, marks in states(recorder.ops, rounds, seed=5, first=begun):
        count += 1
        shutil.rmtree(root, ignore_errors=True)
        lay_out(files, root)
        found += violations(root, marks)
        if found and stop_at_first:
            break
    shutil.rmtree(root, ignore_errors=True)
    return found, count, recorder


def check_whole(run, number, content):
    """Read a version and compare every byte with the streams and arrays it was made of."""
    streams, leaves = content
    with run.reader(number) as reader:
        assert reader.stream("state") == streams["state"]
        for index, (_, array) in enumerate(leaves):
            assert reader.leaf(index) == array.tobytes()


def torn(run, visible, content_of):
    """What is wrong with the visible versions."""
    found = []
    for number in visible:
        try:
            check_whole(run, number, content_of(number))
        except (DartError, AssertionError) as error:
            found.append(f"visible {number} is not whole: {error}")
    return found
