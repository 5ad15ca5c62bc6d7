"""Locks and what waits on them: unlocked or held as they were, by the thread that goes on.

A lock that another thread holds cannot travel now: its owner would never release it.
"""

from __future__ import annotations

import _queue
import _thread
import re
import threading
from typing import Any

from dartslurm.state.contract import Reducer, Reduction, Writer, veto

_LOCK = type(_thread.allocate_lock())
_RLOCK = type(threading.RLock())
_COUNT = re.compile(r"count=(\d+)")

RECREATED = True


def reduce_lock(lock: Any, writer: Writer) -> Reduction:
    """Reduce a plain lock."""
    return writer.known(lock) or (make_lock, (lock.locked(),))


def make_lock(locked: bool) -> Any:
    """Rebuild a plain lock."""
    lock = _thread.allocate_lock()
    if locked:
        lock.acquire()
    return lock


def reduce_rlock(lock: Any, writer: Writer) -> Reduction:
    """Reduce a reentrant lock."""
    known = writer.known(lock)
    if known is not None:
        return known
    found = _COUNT.search(repr(lock))
    count = int(found.group(1)) if found is not None else 0
    if count and not lock._is_owned():
        veto("a lock is held by another thread", lambda: not lock._is_owned())
    return make_rlock, (count,)


def make_rlock(count: int) -> Any:
    """Rebuild a reentrant lock, held as often as it was."""
    lock = threading.RLock()
    for _ in range(count):
        lock.acquire()
    return lock


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
    """Reduce thread-local data: that of the thread which goes on."""
    known = writer.known(local)
    if known is not None:
        return known
    writer.defer(fill_local, local, _own_dict(local))
    return make_local, (type(local),)


def _own_dict(local: Any) -> dict[str, Any]:
    found: dict[str, Any] = _thread._local.__getattribute__(local, "__dict__")
    return found


def make_local(cls: Any) -> Any:
    """Rebuild an empty thread-local."""
    return _thread._local.__new__(cls)


def fill_local(local: Any, namespace: dict[str, Any]) -> None:
    """Give a thread-local this thread's data."""
    _own_dict(local).update(namespace)


def reduce_thread(thread: threading.Thread, writer: Writer) -> Reduction:
    """Reduce a thread that has ended or has not begun; a live one cannot travel."""
    known = writer.known(thread)
    if known is not None:
        return known
    if thread is threading.main_thread():
        return threading.main_thread, ()
    if thread.is_alive():
        return writer.refuse(thread, f"thread {thread.name!r} was running")
    return writer.raw(thread) or writer.own(thread)


def claim(cls: type) -> Reducer | None:
    """Take threads and thread-locals."""
    if issubclass(cls, threading.Thread):
        return reduce_thread
    return reduce_local if issubclass(cls, _thread._local) else None


REDUCERS: dict[type, Any] = {
    _LOCK: reduce_lock,
    _RLOCK: reduce_rlock,
    _queue.SimpleQueue: reduce_simple_queue,
}
