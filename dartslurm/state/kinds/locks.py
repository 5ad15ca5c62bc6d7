"""Locks and what waits on them: unlocked or held as they were, by the thread that held them.

A plain lock is held or not, by nobody in particular. A reentrant lock has an owner: the new thread
takes it before anything runs. What `threading` joins a thread by belongs to the new thread.
"""

from __future__ import annotations

import _queue
import _thread
import re
import threading
import weakref
from functools import partial
from typing import Any

from dartslurm.interpreter.threads import local_dict
from dartslurm.state.contract import Reducer, Reduction, Writer, veto
from dartslurm.state.guard import Lost
from dartslurm.state.modules import resolve
from dartslurm.state.threads import living

_LOCK = type(_thread.allocate_lock())
_RLOCK = type(threading.RLock())
LOCKS = frozenset((_LOCK, _RLOCK))
LOCAL = _thread._local
_PLAIN = frozenset((bool, int, float, str, type(None)))
_HANDLE = getattr(_thread, "_ThreadHandle", None)
_OWNED = re.compile(r"owner=(\d+) count=(\d+)")

RECREATED = True

places: dict[int, tuple[str, str]] = {}
"""Held locks in classes and objects of libraries: module and path by identity (`in_progress`)."""


def is_held(lock: Any) -> bool:
    """Tell whether anybody holds a lock of these kinds."""
    return lock.locked() if type(lock) is _LOCK else _owner_of(lock)[1] > 0


def _owner_of(lock: Any) -> tuple[int, int]:
    found = _OWNED.search(repr(lock))
    return (int(found.group(1)), int(found.group(2))) if found is not None else (0, 0)


def _known(lock: Any, writer: Writer) -> Reduction | None:
    place = places.get(id(lock))
    return writer.known(lock) if place is None else (resolve, place)


def reduce_lock(lock: Any, writer: Writer) -> Reduction:
    """Reduce a plain lock."""
    known = _known(lock, writer)
    if known is not None:
        if lock.locked():
            writer.defer(hold_lock, lock, None)
        return known
    return _end_of_thread(lock) or (make_lock, (lock.locked(),))


def _end_of_thread(lock: Any) -> Reduction | None:
    return next(((end_of, (i,)) for i, one in living.items() if one.end is lock), None)


def end_of(ident: int) -> Any:
    """Return what a join of the new thread waits on."""
    return living[ident].end


def hold_lock(lock: Any, _: None) -> None:
    """Take a lock that a library holds, and that was taken."""
    lock.acquire(False)


def make_lock(locked: bool) -> Any:
    """Rebuild a plain lock."""
    lock = _thread.allocate_lock()
    if locked:
        lock.acquire()
    return lock


def reduce_rlock(lock: Any, writer: Writer) -> Reduction:
    """Reduce a reentrant lock."""
    owner, count = _owner_of(lock)
    if count and (owner not in living or living[owner].serves) and not lock._is_owned():
        veto("a lock is held by another thread", lambda: not lock._is_owned())
    known = _known(lock, writer)
    if known is not None:
        if count:
            writer.defer(hold_rlock, lock, (owner, count))
        return known
    return make_rlock, (owner, count)


def make_rlock(owner: int, count: int) -> Any:
    """Rebuild a reentrant lock, held as often as it was."""
    lock = threading.RLock()
    hold_rlock(lock, (owner, count))
    return lock


def hold_rlock(lock: Any, state: tuple[int, int]) -> None:
    """Have the owner take a lock as often as it had taken it."""
    owner, count = state
    for _ in range(count):
        if owner in living:
            living[owner].acts.append(lock.acquire)
        else:
            lock.acquire()


def reduce_handle(handle: Any, _writer: Writer) -> Reduction:
    """Reduce what a thread is joined by (3.13)."""
    if handle is threading.main_thread()._handle:  # type: ignore[attr-defined]
        return main_handle, ()
    return _end_of_thread(handle) or (make_handle, (handle.is_done(),))


def main_handle() -> Any:
    """Return the main thread's handle."""
    return threading.main_thread()._handle  # type: ignore[attr-defined]


def make_handle(done: bool) -> Any:
    """Rebuild the handle of a thread that has not begun, or has ended."""
    handle: Any = _HANDLE() if _HANDLE is not None else None
    if done:
        start: Any = _thread.start_joinable_thread  # type: ignore[attr-defined]
        start(int, handle=handle, daemon=True)
        handle.join()
    return handle


def reduce_simple_queue(queue: Any, _writer: Writer) -> Reduction:
    """Reduce a ``SimpleQueue``: its items are taken out and put back in order."""
    items = []
    while True:
        try:
            items.append(queue.get_nowait())
        except _queue.Empty:
            break
    for item in items:
        queue.put(item)
    return make_simple_queue, (), items, None, None, fill_simple_queue


def make_simple_queue() -> Any:
    """Rebuild an empty ``SimpleQueue``."""
    return _queue.SimpleQueue()


def fill_simple_queue(queue: Any, items: list[Any]) -> None:
    """Give a ``SimpleQueue`` its items."""
    for item in items:
        queue.put(item)


def reduce_local(local: Any, writer: Writer) -> Reduction:
    """Reduce thread-local data: that of every thread which goes on."""
    rows = [(0, _own_dict(local))]
    rows += [
        (i, found)
        for i, one in living.items()
        if not one.serves and (found := local_dict(local, one.state))
    ]
    known = writer.known(local)
    if known is not None:
        writer.defer(fill_known_local, local, [(i, dict(found)) for i, found in rows if found])
        return known
    writer.defer(fill_local, local, rows)
    return make_local, (type(local),)


def _own_dict(local: Any) -> dict[str, Any]:
    found: dict[str, Any] = LOCAL.__getattribute__(local, "__dict__")
    return found


def make_local(cls: Any) -> Any:
    """Rebuild an empty thread-local."""
    return LOCAL.__new__(cls)


def fill_local(local: Any, rows: list[tuple[int, dict[str, Any]]]) -> None:
    """Give a thread-local each thread's data; 0 is the thread that loads."""
    for ident, namespace in rows:
        _let(ident, partial(_fill_own, local, namespace))


def fill_known_local(local: Any, rows: list[tuple[int, dict[str, Any]]]) -> None:
    """Give a library's thread-local the same; objects that the library has made again stay."""
    for ident, namespace in rows:
        _let(ident, partial(_fill_missing, local, namespace))


def _let(ident: int, act: partial[None]) -> None:
    if ident in living:
        living[ident].acts.append(act)
    else:
        act()


def _fill_own(local: Any, namespace: dict[str, Any]) -> None:
    _own_dict(local).update(namespace)


def _fill_missing(local: Any, namespace: dict[str, Any]) -> None:
    own = _own_dict(local)
    for name, value in namespace.items():
        if type(value) is not Lost and (name not in own or type(value) in _PLAIN):
            own[name] = value


def reduce_thread(thread: threading.Thread, writer: Writer) -> Reduction:
    """Reduce a thread: one that runs goes on if the version has its stack."""
    known = writer.known(thread)
    if known is not None:
        return known
    if thread is threading.main_thread():
        return threading.main_thread, ()
    found = next(((i, one) for i, one in living.items() if one.thread is thread), None)
    if found is not None and found[1].serves:
        found[1].is_met = True
        writer.defer(fill_service, thread, found[0])
    if found is None and thread.is_alive():
        # It has left its last frame and is not gone yet; a joiner would wait for ever.
        known_by = weakref.ref(thread)
        veto(f"thread {thread.name!r} is about to end", lambda: _is_alive(known_by()))
    return writer.raw(thread) or writer.own(thread)


def fill_service(thread: threading.Thread, ident: int) -> None:
    """Have a new thread run the function of one that serves an object."""
    if ident in living:
        living[ident].thread = thread


def _is_alive(thread: threading.Thread | None) -> bool:
    return thread is not None and threading.Thread.is_alive(thread)


def claim(cls: type) -> Reducer | None:
    """Take threads and thread-locals."""
    if issubclass(cls, threading.Thread):
        return reduce_thread
    return reduce_local if issubclass(cls, LOCAL) else None


REDUCERS: dict[type, Any] = {
    _LOCK: reduce_lock,
    _RLOCK: reduce_rlock,
    _queue.SimpleQueue: reduce_simple_queue,
    **({_HANDLE: reduce_handle} if _HANDLE is not None else {}),
}
