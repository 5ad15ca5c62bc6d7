"""Files of the program: as they were at the commit, whatever has happened to them since.

`watch` hears every change from the first line on; what is needed to take it back is in the undo
log. `collect` is called at the commit, after the pickling, which flushes the writers: it notes
the log's mark and the length of each file that is written, and keeps the bytes of files that are
open for reading *and* writing, because nobody announces a write to those. At resume `restore`
undoes the log back to the mark, gives held files their bytes again and cuts the others back to
their length. Nothing that a later attempt wrote is destroyed: it goes into a folder, the ``tails``.
"""

from __future__ import annotations

import ctypes
import gc
import io
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from dartslurm import belongings, disk
from dartslurm.errors import DartError
from dartslurm.state.outside.changes import Changes
from dartslurm.state.outside.held import keep_held

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.outside.undo_log import Entry, UndoLog

_STREAMS = (1, 2)
_BUFFERING = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_MOST_WRITTEN = 4096
_stat, _lstat, _fstat, _readlink = os.stat, os.lstat, os.fstat, os.readlink
_join = os.path.join

_shared: list[str] = []
"""The job's own output, which its shell writes while none of its programs runs."""
_changes: list[Changes] = []
_marks = [0]
_inherited: dict[str, None] = {}

_tails: list[str] = []
"""The folder that keeps what this resume cuts off."""


def watch(
    log: UndoLog,
    not_kept: Callable[[str, str], None],
    ignore: tuple[str, ...] = (),
    shared: tuple[str, ...] = (),
) -> None:
    """Hear changes of files, from now to the end of the process, and note them in ``log``.

    ``not_kept`` gets the path of each file whose old bytes are not kept, and the reason.
    ``ignore`` are folders of ours. ``shared`` are files that others of the same job write, and
    whose length belongs to a commit as well.
    """
    _shared.extend(shared)
    changes = Changes(log, ignore, not_kept)
    changes.written.update(_inherited)
    _changes.append(changes)
    changes.listen()


def collect() -> dict[str, Any]:
    """Return the undo log's mark and the state of the files being written, as plain JSON.

    Units:
        Lengths in bytes.
    """
    _flush_streams()
    lengths: dict[str, int] = {}
    for path in list(_changes[0].written)[-_MOST_WRITTEN:] if _changes else ():
        length = _length(path)
        if length >= 0:
            lengths[path] = length
    piped = False
    for descriptor in _STREAMS:
        try:
            found = _fstat(descriptor)
            path = _readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink:
            lengths[path] = found.st_size
        piped = piped or stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    if not piped:  # else a reader may still have lines of ours to write there
        lengths.update((path, _length(path)) for path in _shared if _length(path) >= 0)
    if not _changes:
        return {"lengths": lengths, "mark": 0}
    mark = _marks[0] = _changes[0].commit()
    return {"lengths": lengths, "mark": mark, **keep_held(_changes[0], lengths, _shared)}


def drop_old(log: UndoLog) -> None:
    """The version of the last `collect` is committed: bound what only older ones need."""
    try:
        log.drop_old(_marks[0])
    except (OSError, DartError):
        pass


def flush_open_files() -> None:
    """Write out what open files still hold, at the program's end.

    The interpreter does so when it destroys them; a reference of ours must not be what prevents it.
    """
    for found in gc.get_objects():
        if type(found) in _BUFFERING:
            try:
                if not found.closed and found.writable():
                    found.flush()
            except (OSError, ValueError):
                continue


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    ctypes.CDLL(None).fflush(None)  # what C libraries printed


def restore(found: dict[str, Any], log: UndoLog, folder: str) -> list[str]:
    """Bring files, names and folders back to the commit; keep what was newer in ``folder``.

    Returns a line for each file that was changed, or is not as it was committed.
    """
    mark = found.get("mark")
    lines: list[str | None] = []
    if mark is not None:
        if not log.reachable(mark):
            lines.append("some changes of files before this version can no longer be undone")
        lines += _undo(log, mark, folder)
    for path, entry in found.get("held", {}).items():
        lines.append(_attempt(_give_file, path, {**entry, "was": "held"}, log, folder))
    lengths = found.get("lengths", {})
    for path, why in found.get("not_kept", {}).items():
        lines.append(f"{path} keeps what was written to it after the commit: {why}")
    _inherited.update(dict.fromkeys(lengths))
    return [line for line in lines if line] + cut_back(lengths, folder)


def _undo(log: UndoLog, mark: int, folder: str) -> list[str | None]:
    """Undo the log backwards to ``mark``; when it is killed, the next one goes on with it."""
    entries = log.since(mark)
    changed = {str(e[key]) for _, e in entries for key in ("path", "move", "to") if key in e}
    lines = []
    for place, entry in entries:
        path = str(entry.get("path", entry.get("move")))
        if _clear_way(path, entry, changed, folder):
            lines.append(_attempt(_UNDO[_kind(entry)], path, entry, log, folder))
        if "move" in entry:  # done twice, it would not be what it was done once
            log.void(place)
    if entries:
        log.void(mark)
    for _, entry in entries:
        if entry.get("was") == "file":
            log.forget(entry)
    return lines


def _clear_way(path: str, entry: Entry, changed: set[str], folder: str) -> bool:
    """Leave only folders above a path, which they were; tell whether there is anything to do.

    The program may have put a link in a folder's place, and below it another folder would show.
    """
    if _other_way(entry.get("to", ""), changed) is not None:
        return False  # nothing is there to be moved back
    if _kind(entry) in ("absent", "length", "attributes"):
        return _other_way(path, changed) is None
    while (other := _other_way(path, changed)) is not None:
        _set_aside(other, folder)
    return True


def _other_way(path: str, changed: set[str]) -> str | None:
    """Return what stands above a path and is no folder, if it is the program that has put it."""
    at = path.find("/", 1)
    while at > 0:
        found = _look(path[:at])
        if found is None:
            return None
        if not stat.S_ISDIR(found.st_mode):
            return path[:at] if path[:at] in changed else None
        at = path.find("/", at + 1)
    return None


def _kind(entry: Entry) -> str:
    return "move" if "move" in entry else str(entry.get("was"))


def _attempt(act: Callable[..., str | None], path: str, *arguments: Any) -> str | None:
    try:
        return act(path, *arguments)
    except (OSError, DartError) as error:
        return f"{path} could not be brought back: {error}"


def _give_absent(path: str, _entry: Entry, _log: UndoLog, folder: str) -> str | None:
    found = _look(path)
    if found is None:
        return None
    if stat.S_ISDIR(found.st_mode) and not os.listdir(path):
        belongings.remove_folder(path)
        return None
    return f"{path} was made after the commit; it is kept as {_set_aside(path, folder)}"


def _give_folder(path: str, entry: Entry, _log: UndoLog, folder: str) -> None:
    found = _look(path)
    if found is not None and stat.S_ISDIR(found.st_mode):
        return
    _make_way(path, folder)
    belongings.make_folder(path, entry["mode"])


def _give_link(path: str, entry: Entry, _log: UndoLog, folder: str) -> None:
    found = _look(path)
    if found is not None and stat.S_ISLNK(found.st_mode) and _readlink(path) == entry["target"]:
        return
    _make_way(path, folder)
    belongings.make_link(path, entry["target"])


def _give_file(path: str, entry: Entry, log: UndoLog, folder: str) -> str | None:
    kept = log.kept(entry["kept"]) if entry["kept"] else os.devnull if not entry["size"] else None
    if kept is None or _look(kept) is None:
        why = entry.get("why", "it is kept no longer")
        return f"{path} is not as it was at the commit: {why}"
    found = _look(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        found = None
    if found is not None and _same_bytes(path, kept):
        belongings.set_attributes(path, entry["mode"], entry["mtime_ns"])
        return None
    stays = entry["was"] == "held" or kept == os.devnull  # another resume may need it
    same = found is not None and [found.st_dev, found.st_ino] == entry["inode"]
    aside = None
    if same:  # it may have other names, which show the same bytes
        aside = _free_name(folder, path)
        belongings.copy_file(path, aside)
        belongings.overwrite(kept, path)
    else:
        aside = _make_way(path, folder)
        if stays or not _link(kept, path):
            belongings.copy_file(kept, path)
    if _stat(path).st_size > entry["size"]:  # written to without its name
        disk.cut_file(path, entry["size"])
    belongings.set_attributes(path, entry["mode"], entry["mtime_ns"])
    return f"{path} is as it was at the commit" + (f"; the newer is {aside}" if aside else "")


def _link(kept: str, path: str) -> bool:
    try:
        belongings.link_file(kept, path)
    except OSError:
        return False
    return True


def _give_length(path: str, entry: Entry, _log: UndoLog, folder: str) -> str | None:
    return _cut_back(path, entry["size"], folder)


def _give_attributes(path: str, entry: Entry, _log: UndoLog, _folder: str) -> None:
    if _look(path) is not None:
        belongings.set_attributes(path, entry["mode"], entry["mtime_ns"])


def _move_back(path: str, entry: Entry, _log: UndoLog, folder: str) -> None:
    if _look(path) is None and _look(entry["to"]) is not None:  # else it never went
        _make_way(path, folder)
        belongings.move(entry["to"], path)


_UNDO: dict[str, Callable[[str, Entry, UndoLog, str], str | None]] = {
    "absent": _give_absent, "file": _give_file, "folder": _give_folder, "link": _give_link,
    "length": _give_length, "attributes": _give_attributes, "move": _move_back,
    "held": lambda *_: None,
}  # fmt: skip


def cut_back(lengths: dict[str, int], folder: str) -> list[str]:
    """Cut files back to a length, and keep what is cut off in ``folder``.

    Units:
        Lengths in bytes.

    Durability:
        A tail is written and synced before its file is cut.
    """
    _tails[:] = [folder]
    lines = [_attempt(_cut_back, path, length, folder) for path, length in lengths.items()]
    return [line for line in lines if line]


def _look(path: str) -> os.stat_result | None:
    try:
        return _lstat(path)
    except OSError:
        return None


def _length(path: str) -> int:
    try:
        found = _stat(path)
    except OSError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def _same_bytes(path: str, kept: str) -> bool:
    with open(path, "rb") as one, open(kept, "rb") as other:
        if one.seek(0, 2) != other.seek(0, 2):
            return False
        one.seek(0)
        other.seek(0)
        return all(
            piece == other.read(len(piece)) for piece in iter(lambda: one.read(1 << 20), b"")
        )


def _cut_back(path: str, length: int, folder: str) -> str | None:
    size = _length(path)
    if size < 0:
        return f"{path} is gone; it had {length} bytes at the commit"
    if size < length:
        return f"{path} has {size} bytes; it had {length} at the commit"
    if size == length:
        return None
    kept = _free_name(folder, path)
    with open(path, "rb") as file:
        file.seek(length)
        disk.write_new(kept, iter(lambda: file.read(1 << 20), b""))
    disk.cut_file(path, length)
    return f"{path} cut back from {size} to {length} bytes; the rest is kept as {kept}"


def _set_aside(path: str, folder: str) -> str:
    kept = _free_name(folder, path)
    belongings.move(path, kept)
    return kept


def _make_way(path: str, folder: str) -> str | None:
    """Leave nothing at a name, and a folder above it; give where that is kept which was there."""
    above = os.path.dirname(path)
    if _look(above) is None:  # made and removed since: its entry removes it again
        _make_way(above, folder)
        belongings.make_folder(above, 0o755)
    return _set_aside(path, folder) if _look(path) is not None else None


def aside(path: str) -> str:
    """Return a free name to keep what ``path`` got after the commit; beside it outside a resume."""
    if _tails:
        return _free_name(_tails[0], path)
    return _free_name(os.path.dirname(path), f"{path}.after-commit")


_numbers: dict[str, int] = {}


def _free_name(folder: str, path: str) -> str:
    disk.make_folders(folder)
    name = _join(folder, os.path.basename(path))
    number = _numbers.get(name, 0) + 1
    while _look(f"{name}.{number}") is not None:
        number += 1
    _numbers[name] = number
    return f"{name}.{number}"
