"""Changes to the program's files, heard before they happen and noted in the undo log.

The interpreter announces every ``open``, rename, removal and so on to audit hooks before it asks
the kernel. The first time after a commit that a name is about to change, its state is noted; from
then on nothing more is needed for that name until the next commit, so a loop that writes the same
file a thousand times pays once. That rule leans on one fact: what stands behind a noted name is
kept already, or has been made since. A rename breaks it (a committed file comes to stand behind
a noted name), so it is noted as a move of its own and both names count as unknown again; only a
file whose own name is noted already may be renamed without a line.

A hook that raised would be the program's error, and one that is slow its slowness: everything is
caught, and the common case, a file that is opened for reading, costs two comparisons. Only what
the program's own signal handlers raise in the middle of us goes through.

Children made by ``fork`` inherit the hook; the number of the commit lies in memory shared with
them. Programs started anew, and C libraries that open files by themselves, are not heard.
"""

from __future__ import annotations

import mmap
import os
import stat
import sys
from _thread import RLock
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeGuard

from dartslurm.errors import DartError, is_ours
from dartslurm.state.outside.undo_log import LARGEST_COPY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.outside.undo_log import Entry, UndoLog

_WRITES = os.O_WRONLY | os.O_RDWR
_CHANGES = _WRITES | os.O_CREAT | os.O_TRUNC
_ONLY_NEW = os.O_CREAT | os.O_EXCL
_NOT_OURS = ("/dev/fd/", "/dev/null", "/dev/pts/", "/dev/std", "/dev/tty", "/proc/", "/sys/")
"""Not all of ``/dev``: a program may well work in ``/dev/shm``."""
_lstat, _getcwd, _fsdecode, _fspath = os.lstat, os.getcwd, os.fsdecode, os.fspath
_readlink, _real = os.readlink, os.path.realpath
_join, _normal, _split = os.path.join, os.path.normpath, os.path.split
_COUNT = Struct("Q")
_CALLED = frozenset(("posixpath", "genericpath", "os", "json", "contextlib", "stat"))
_SIDE_FILES = ("", "-journal", "-wal", "-shm")
"""What SQLite writes for one data base, by C calls that nobody hears."""


class Changes:
    """Hears changes of the process and of its forked children; notes them in ``log``."""

    def __init__(
        self, log: UndoLog, ignore: tuple[str, ...], not_kept: Callable[[str, str], None]
    ) -> None:
        self.written: dict[str, None] = {}
        """Paths that the program has opened for writing."""
        self._log = log
        self._ignored = (*_NOT_OURS, *(_join(folder, "") for folder in ignore))
        self._not_kept = not_kept
        self._lock = RLock()
        self._commits = mmap.mmap(-1, _COUNT.size)
        self._commit = 0
        self._acting = False
        self._noted: set[str] = set()
        """Names whose state at the last commit is known and no longer in danger."""
        self._appended: set[str] = set()
        self._settled: set[str] = set()
        """Paths as the program writes them that may be opened for writing as it likes."""
        self._many_named: dict[tuple[int, int], Entry] = {}
        """Files of several names whose bytes are kept: another name is to get the same."""
        self._linked: dict[str, list[str]] = {}
        """Noted names whose file is kept by a link, because it was about to go away."""
        self._folders: dict[str, str] = {}
        self._acts: dict[str, Callable[..., None]] = {
            "open": self._open, "os.remove": self._change_name, "os.rename": self._rename,
            "os.mkdir": self._change_name, "os.rmdir": self._change_name,
            "os.truncate": self._truncate, "os.link": self._link, "os.symlink": self._symlink,
            "os.chmod": self._attributes, "os.utime": self._attributes,
            "sqlite3.connect": self._connect,
        }  # fmt: skip

    def listen(self) -> None:
        """Hear everything from now to the end of the process."""
        acts, heed = self._acts, self._heed

        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            try:
                if event == "open":
                    flags = arguments[2]
                    if type(flags) is int and flags & _CHANGES:
                        heed(acts[event], arguments)
                elif event in acts:
                    heed(acts[event], arguments)
            except BaseException as error:
                if not is_ours(error, _CALLED):
                    raise

        sys.addaudithook(hear)
        os.register_at_fork(after_in_child=self._in_child)

    def _in_child(self) -> None:
        self._lock, self._acting = RLock(), False

    def _heed(self, act: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        with self._lock:
            if self._acting:  # what we do ourselves is announced too
                return
            self._acting = True
            try:
                self._catch_up()
                act(*arguments)
            finally:
                self._acting = False

    # --- commits -------------------------------------------------------------------------------

    def commit(self) -> int:
        """Everything is taken to be committed as it is now; gives the mark to get back here."""
        with self._lock:
            count = _COUNT.unpack(self._commits[:])[0] + 1
            for path in list(self._linked):
                self._part(path)
            self._commits[:] = _COUNT.pack(count)
            self._catch_up()
            return self._log.mark()

    def _catch_up(self) -> None:
        count = _COUNT.unpack(self._commits[:])[0]
        if count != self._commit:
            self._commit = count
            self._noted.clear()
            self._appended.clear()
            self._many_named.clear()
            self._linked.clear()
            self._unsettle()

    def _unsettle(self) -> None:
        """Names may lead elsewhere now: a folder or a symbolic link has changed."""
        self._settled.clear()
        self._folders.clear()

    def watches(self, path: str) -> bool:
        """Tell whether a real path is one whose changes are noted."""
        return not path.startswith(self._ignored)

    def keep_held(self, path: str, found: os.stat_result) -> Entry:
        """Copy a file that stays open over a commit.

        Raises:
            OSError: if it cannot be kept.
        """
        kept = self._log.keep_copy(path, found.st_size) if found.st_size else None
        inode = [found.st_dev, found.st_ino]
        return {"size": found.st_size, "kept": kept, "inode": inode, **_attributes(found)}

    def note_held(self, path: str, entry: Entry) -> None:
        """Note that the commit needs a kept file."""
        self._log.add({"path": path, "was": "held", "kept": entry["kept"]})

    # --- names ---------------------------------------------------------------------------------

    def _raw(self, name: Any, folder: int | None = None) -> str | None:
        """Return an absolute path for what the program wrote, or ``None`` if it is not watched."""
        if isinstance(name, int):
            found = _readlink(f"/proc/self/fd/{name}")
            return found if found.startswith("/") else None
        text = name if type(name) is str else _fsdecode(_fspath(name))
        if not text.startswith("/"):
            text = _join(_getcwd() if folder in (None, -1) else self._raw(folder) or "", text)
        return None if text.startswith(self._ignored) else text

    def _name(self, name: Any, folder: int | None = None) -> str | None:
        """Return the one path of a name: its folder's real path, and itself."""
        raw = self._raw(name, folder)
        if raw is None:
            return None
        above, last = _split(_normal(raw) if "/." in raw or raw.endswith("/") else raw)
        real = self._folders.get(above)
        if real is None:
            real = self._folders[above] = _real(above)
        path = _join(real, last)
        private = "__pycache__" in path or path.endswith(".pyc") or path.startswith(self._ignored)
        return None if private else path

    def _target(self, name: Any) -> str | None:
        """Return the path of the file that a name leads to."""
        path = self._name(name)
        found = _look(path)
        if path is not None and found is not None and stat.S_ISLNK(found.st_mode):
            path = _real(path)
            return None if path.startswith(self._ignored) else path
        return path

    # --- what is heard -------------------------------------------------------------------------

    def _open(self, name: Any, _: Any, flags: int) -> None:
        if isinstance(name, int):
            return
        raw = self._raw(name)
        if raw is None or raw in self._settled:
            return
        path = self._target(name)
        if path is None or path in self._noted:
            self._part(path)
            self._settled.add(raw)
            return
        found = _look(path)
        if found is None:
            if not flags & os.O_CREAT:
                return
            self._note(path, {"was": "absent"})
        elif not stat.S_ISREG(found.st_mode) or flags & _ONLY_NEW == _ONLY_NEW:
            return
        elif flags & os.O_APPEND and not flags & os.O_TRUNC:
            self._note_length(path, found)
            self.written[path] = None
            return
        elif flags & _WRITES:
            self._note_file(path, found, in_place=True)
        else:
            return
        self.written[path] = None
        self._settled.add(raw)

    def _change_name(self, name: Any, *rest: int) -> None:
        """A file or folder is about to be removed, or a folder made."""
        path = self._name(name, rest[-1] if rest else None)
        if path is not None:
            self._note_state(path, _look(path))

    def _rename(self, source: Any, target: Any, *folders: int) -> None:
        old = self._name(source, folders[0] if folders else None)
        new = self._name(target, folders[1] if folders else None)
        found = _look(old)
        if old is None or new is None:  # it comes from, or goes to, where nobody watches
            path = old or new
            if path is not None:
                self._note_state(path, _look(path))
            return
        if found is None or old == new:
            return
        there = _look(new)
        if there is not None and (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino):
            return
        self._note_state(new, there)
        if _is_file(found):
            self._part(old)
            if old in self._noted:
                return
        else:
            below = old + "/"
            for path in [name for name in self._linked if name.startswith(below)]:
                self._part(path)
        self._log.add({"move": old, "to": new})
        for path in (old, new):
            self._unknown(path)
        self._unsettle()

    def _unknown(self, path: str) -> None:
        """Something else comes to stand there, and below if it is a folder."""
        below = path + "/"
        for names in (self._noted, self._appended):
            names.difference_update([n for n in names if n == path or n.startswith(below)])

    def _truncate(self, name: Any, _length: int = 0) -> None:
        path = self._target(name)
        found = _look(path)
        self._part(path)
        if path is not None and _is_file(found) and path not in self._noted:
            self._note_file(path, found, in_place=True)

    def _link(self, source: Any, target: Any, *folders: int) -> None:
        """Both names will lead to one file, which can then be changed by the other name."""
        old = self._name(source, folders[0] if folders else None)
        new = self._name(target, folders[1] if folders else None)
        found = _look(old)
        self._part(old)
        if old is not None and _is_file(found) and old not in self._noted:
            self._note_file(old, found, in_place=True)
        if new is not None and _look(new) is None:
            self._note_state(new, None)

    def _symlink(self, _source: Any, target: Any, folder: int | None = None) -> None:
        path = self._name(target, folder)
        if path is not None and _look(path) is None:
            self._note_state(path, None)
        self._unsettle()

    def _attributes(self, name: Any, *_: Any) -> None:
        path = self._target(name)
        found = _look(path)
        known = path in self._noted or f"{path}\0" in self._appended
        if path is not None and found is not None and not known:
            self._log.add({"path": path, "was": "attributes", **_attributes(found)})
            self._appended.add(f"{path}\0")

    def _connect(self, name: Any) -> None:
        text = name if type(name) is str else _fsdecode(_fspath(name))
        text = text.removeprefix("file:").partition("?")[0] if text[:5] == "file:" else text
        for side in _SIDE_FILES if text and text != ":memory:" else ():
            self._open(text + side, None, os.O_RDWR | os.O_CREAT)

    # --- what is noted -------------------------------------------------------------------------

    def _note(self, path: str, entry: Entry) -> None:
        self._log.add({"path": path, **entry})
        self._noted.add(path)

    def _note_length(self, path: str, found: os.stat_result) -> None:
        if path not in self._appended:
            self._log.add({"path": path, "was": "length", "size": found.st_size})
            self._appended.add(path)

    def _note_state(self, path: str, found: os.stat_result | None) -> None:
        """Note what a name is that is about to be given away."""
        if found is not None and not _is_file(found):
            self._unsettle()
        if path in self._noted:
            return
        if found is None:
            self._note(path, {"was": "absent"})
        elif stat.S_ISDIR(found.st_mode):
            self._note(path, {"was": "folder", **_attributes(found)})
        elif stat.S_ISLNK(found.st_mode):
            self._note(path, {"was": "link", "target": _readlink(path)})
        elif stat.S_ISREG(found.st_mode):
            shared = found.st_nlink > 1 and found.st_size <= LARGEST_COPY_BYTES
            self._note_file(path, found, in_place=shared)

    def _note_file(self, path: str, found: os.stat_result, *, in_place: bool) -> None:
        """Keep a file's bytes, by a copy if it is about to change while it has a name."""
        if in_place:
            self._part(path)
        entry = {"was": "file", "size": found.st_size, "kept": None, **_attributes(found)}
        entry["inode"] = [found.st_dev, found.st_ino]
        known = self._many_named.get((found.st_dev, found.st_ino)) if found.st_nlink > 1 else None
        if known is not None:
            entry = known
        elif found.st_size:
            try:
                keep = self._log.keep_copy if in_place else self._keep_link
                entry["kept"] = keep(path, found.st_size)
            except (OSError, DartError) as error:
                entry["why"] = getattr(error, "strerror", None) or str(error)
                self._not_kept(path, str(entry["why"]))
            if found.st_nlink > 1:
                self._many_named[found.st_dev, found.st_ino] = entry
        self._note(path, entry)

    def _keep_link(self, path: str, _size: int) -> str:
        kept = self._log.keep_link(path)
        self._linked.setdefault(path, []).append(kept)
        return kept

    def _part(self, path: str | None) -> None:
        """Give a kept file bytes of its own if its name is still there: the removal had failed."""
        for kept in self._linked.pop(path or "", ()):
            self._log.part(kept, str(path))


def _attributes(found: os.stat_result) -> Entry:
    return {"mode": stat.S_IMODE(found.st_mode), "mtime_ns": found.st_mtime_ns}


def _is_file(found: os.stat_result | None) -> TypeGuard[os.stat_result]:
    return found is not None and stat.S_ISREG(found.st_mode)


def _look(path: str | None) -> os.stat_result | None:
    if path is None:
        return None
    try:
        return _lstat(path)
    except OSError:
        return None
