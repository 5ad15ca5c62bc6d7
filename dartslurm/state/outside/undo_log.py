"""The undo log: what a changed file, name or folder was before, and how to get back there.

A version holds the heap; files are outside and go on changing after it. So what is needed to bring
each changed name back is noted *before* the change, as a data base does: an entry says what the
name was (``absent``, a ``file``, a ``folder``, a ``link``, a file of a ``length`` that is about to
be appended to, or its ``attributes``), or that something is about to ``move``.
The old bytes of a file lie beside the log. A *mark* is the log's length at a commit; going
back to a version means undoing every entry behind its mark, the newest first.

Takes entries; gives marks, and the entries behind one. Keeps: bytes are kept before their line is
written, and a line is one append, so a kill at any instant leaves either no entry, and then the
change has not happened, or all of it. An entry may be undone twice, or though its change never
came: it sets a state, it does not take a step. What has been undone is void: a line says from
which mark on. Nothing is synced: a killed process loses nothing by that, and a node without
power goes back by the lines that the file system has saved (decision 0006).
"""

from __future__ import annotations

import json
import os
from _operator import _compare_digest  # what `hmac` has, without its imports
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dartslurm import belongings, disk
from dartslurm.errors import DartError

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_COPY_BYTES = 256 << 20
"""A larger file that is overwritten in place is not kept."""
_COPIES_BYTES = 1 << 30
"""Copies of all files together between two commits."""
KEPT_BYTES = 1 << 30
KEPT_FILES = 20_000
"""Beyond either, the oldest of the kept files go that the newest version does not need."""
_LOG_BYTES = 1 << 30
_LOG = "log"
_dumps, _loads, _join, _getpid = json.dumps, json.loads, os.path.join, os.getpid
_lstat = os.lstat

Entry = dict[str, Any]


class UndoLog:
    """The undo log of one run, in a folder of the run.

    ``sign`` gives the signature of a line, if the user has a key: going back changes files of the
    user, so a line that somebody else has put there counts as torn.
    """

    def __init__(self, folder: str, sign: Callable[[bytes], bytes] | None = None) -> None:
        self.folder = folder
        self._sign = sign
        self._path = _join(folder, _LOG)
        self._ready = False
        self._number = 0
        self._copied = 0
        self._kept_files = self._kept_bytes = 0

    def mark(self) -> int:
        """Return the log's length now: entries behind it are of the time from now on.

        Units:
            Bytes.
        """
        self._copied = 0
        try:
            return _lstat(self._path).st_size
        except OSError:
            return 0

    def add(self, entry: Entry) -> None:
        """Write an entry; the change it names may happen when this returns."""
        if not self._ready:
            self._begin()
        text = _dumps(entry).encode()
        disk.append(self._path, text + self._end(text))

    def _end(self, text: bytes) -> bytes:
        """Give what stands behind an entry's text: a signature, if there is a key, and the end."""
        return b"\n" if self._sign is None else b"\t" + self._sign(text).hex().encode() + b"\n"

    def _is_whole(self, line: bytes, text: bytes) -> bool:
        if self._sign is None:
            return line.endswith(b"\n")
        return _compare_digest(line, text + self._end(text))

    def _begin(self) -> None:
        disk.make_folders(self.folder)
        self._ready = True
        self._count_again()
        if not self._ends_whole():  # a line that a kill has torn stays one line of its own
            disk.append(self._path, b"\n")

    def _ends_whole(self) -> bool:
        length = self.mark()
        if not length:
            return True
        with open(self._path, "rb") as log:
            log.seek(length - 1)
            return log.read(1) == b"\n"

    def keep_link(self, path: str) -> str:
        """Keep a file that is about to lose its name, by another name; gives that."""
        kept = self._new_name()
        size = _lstat(path).st_size
        try:
            belongings.link_file(path, _join(self.folder, kept))
        except OSError:  # another file system, or none with links
            return self.keep_copy(path, size)
        self._count(1, size)
        return kept

    def keep_copy(self, path: str, size: int) -> str:
        """Keep the bytes of a file that is about to be overwritten; gives the copy's name.

        Raises:
            OSError: if it cannot be kept, with the reason; the limits are among them.
        """
        if size > LARGEST_COPY_BYTES:
            raise OSError(0, f"it has {size} bytes, at most {LARGEST_COPY_BYTES} are copied")
        if self._copied + size > _COPIES_BYTES:
            raise OSError(0, f"{self._copied} bytes have been copied since the version before")
        kept = self._new_name()
        length = belongings.copy_file(path, _join(self.folder, kept))
        self._copied += length
        self._count(1, length)
        return kept

    def part(self, name: str, path: str) -> None:
        """Let a kept file share its bytes with ``path`` no longer, which is about to change."""
        kept, found = self.kept(name), disk.look(self.kept(name))
        try:
            still = _lstat(path)
        except OSError:  # it is gone, or behind links that lead in a circle
            return
        if found is not None and found.st_ino == still.st_ino:
            own = self._new_name()
            belongings.copy_file(path, self.kept(own))
            disk.rename(self.kept(own), kept)

    def _new_name(self) -> str:
        if not self._ready:
            self._begin()
        while True:
            self._number += 1
            name = f"{_getpid()}-{self._number}"
            if disk.look(_join(self.folder, name)) is None:
                return name

    def kept(self, name: str) -> str:
        """Return the path of a kept file."""
        return _join(self.folder, name)

    def since(self, mark: int) -> list[tuple[int, Entry]]:
        """Return what must be undone to get back to ``mark``, the newest first.

        Each entry comes with the mark before it.
        """
        found: list[tuple[int, Entry]] = []
        freed: set[str] = set()
        for place, entry in self._entries():
            if "undone" in entry:
                while found and found[-1][0] >= entry["undone"]:
                    found.pop()
            elif "dropped" in entry:
                freed.update(entry.get("freed", ()))
            elif place >= mark:
                found.append((place, entry))
        return [(place, entry) for place, entry in found[::-1] if entry.get("kept") not in freed]

    def complete_since(self) -> int:
        """Return the oldest mark to which all is kept."""
        return max((entry["dropped"] for _, entry in self._entries() if "dropped" in entry),
                   default=0)  # fmt: skip

    def reachable(self, mark: int) -> bool:
        """Tell whether no later way has been begun before ``mark``, and nothing is dropped."""
        return mark >= self.complete_since() and not any(
            entry["undone"] < mark <= place for place, entry in self._entries() if "undone" in entry
        )

    def _entries(self) -> list[tuple[int, Entry]]:
        try:
            content = disk.read_file(self._path, _LOG_BYTES) or b""
        except DartError:
            return []
        entries, place = [], 0
        for line in content.splitlines(keepends=True):
            try:
                text = line.partition(b"\t")[0].removesuffix(b"\n")
                entry = _loads(text) if self._is_whole(line, text) else None
            except ValueError:
                entry = None
            if isinstance(entry, dict):
                entries.append((place, entry))
            place += len(line)
        return entries

    def void(self, mark: int) -> None:
        """Note that everything is as it was at ``mark``: what lies between is done with."""
        self.add({"undone": mark})

    def drop_old(self, mark: int, most_bytes: int = KEPT_BYTES, most: int = KEPT_FILES) -> int:
        """Remove kept files that no version from ``mark`` on needs, if there are too many.

        Returns:
            The oldest mark to which everything is still kept.
        """
        if self._kept_bytes <= most_bytes and self._kept_files <= most:
            return 0
        self._count_again()  # a pruning may have removed some
        entries = self._entries()
        needed = {entry.get("kept") for place, entry in entries if place >= mark}
        old = {entry["kept"]: place for place, entry in entries if entry.get("kept")}
        floor = 0
        for name, place in sorted(old.items(), key=lambda item: item[1]):
            if self._kept_bytes <= most_bytes and self._kept_files <= most:
                break
            if name not in needed and (found := disk.look(self.kept(name))) is not None:
                disk.discard(self.kept(name))
                self._count(-1, -found.st_size)
                floor = place + 1
        if floor:
            self.add({"dropped": floor})
        return floor

    def unneeded(self, marks: list[int], held: set[str] | None) -> list[str]:
        """Name the kept files without which one can get back to each of the marks.

        Nothing behind the last mark is named: the program may be at work there. ``held`` are the
        copies of open files that the versions need; ``None`` if any may be needed.
        """
        last = max(marks)
        entries = self._entries()
        needed = {entry.get("kept") for place, entry in entries if place >= last}
        alive = self.since(min(marks))[::-1]
        for begin, end in pairwise(sorted(set(marks))):
            needed |= _needed_in([entry for place, entry in alive if begin <= place < end])
        kept = {}
        for place, entry in entries:
            if entry.get("kept") and place < last:
                kept[entry["kept"]] = entry["was"] == "held"
        return [
            name
            for name, is_held in kept.items()
            if name not in needed
            and not (is_held and (held is None or name in held))
            and disk.look(self.kept(name)) is not None
        ]

    def freed_bytes(self, name: str) -> int:
        """Tell what removing a kept file frees: nothing if it has another name."""
        found = disk.look(self.kept(name))
        return found.st_size if found is not None and found.st_nlink == 1 else 0

    def free(self, names: list[str], mark: int) -> None:
        """Remove kept files that no version needs; ``mark`` is that of the oldest version."""
        self.add({"dropped": mark, "freed": names})
        for name in names:
            self.forget({"kept": name})

    def forget(self, entry: Entry) -> None:
        """Remove the kept file of an entry that is done with."""
        name = entry.get("kept")
        if name and (found := disk.look(self.kept(name))) is not None:
            disk.discard(self.kept(name))
            self._count(-1, -found.st_size)

    def _count_again(self) -> None:
        self._kept_files = self._kept_bytes = 0
        for name in disk.folder_names(self.folder):
            if name != _LOG and (found := disk.look(_join(self.folder, name))) is not None:
                self._count(1, found.st_size)

    def _count(self, files: int, length: int) -> None:
        self._kept_files += files
        self._kept_bytes += length


def _needed_in(window: list[Entry]) -> set[str]:
    """Name what is needed of the entries between two versions to get back to the first of them.

    An entry sets a state, so of those of one path the oldest has the last word, and the newer ones
    matter only if the oldest does not say all: a length says nothing of what was overwritten
    later. Where something was moved, a path is not one thing, and all are needed.
    """
    everything = {entry["kept"] for entry in window if entry.get("kept")}
    if any("move" in entry for entry in window):
        return everything
    needed: set[str] = set()
    settled: set[str] = set()
    for entry in window:
        path = entry.get("path", "")
        if path not in settled and entry.get("kept"):
            needed.add(entry["kept"])
        if entry.get("was") in ("file", "absent", "folder", "link"):
            settled.add(path)
    return needed
