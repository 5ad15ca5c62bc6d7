"""asyncio's event loops: their queues and timers travel, their file descriptors are made anew.

A loop's selector and its self-pipe are objects of their own (the frames of a loop that was just
polling refer to them), so each is rebuilt as itself: sockets first, then the selectors, which watch
the descriptors anew. Other sockets and transports have another end that did not stop; they are
placeholders, and what a selector watched for them is forgotten.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import select
import selectors
import signal
import socket
import sys
import threading
import weakref
from typing import Any

from dartslurm.state.contract import (
    LATE_CACHES,
    LATE_ROOTS,
    Reducer,
    Reduction,
    Writer,
    reader,
    veto,
)
from dartslurm.state.guard import Lost
from dartslurm.state.kinds.instances import fill_instance, instance_state
from dartslurm.state.layout import layout_of

_PIPE = ("_ssock", "_csock")
_POLLERS = tuple(getattr(select, name) for name in ("epoll", "poll") if hasattr(select, name))
_SELECTORS: Any = selectors._BaseSelectorImpl


def reduce_loop(loop: Any, writer: Writer) -> Reduction:
    """Reduce an event loop."""
    layout = layout_of(type(loop))
    if layout is None or layout.base is not object:
        return writer.refuse(loop, "an event loop with C fields")
    if not _is_whole(loop):
        veto("an event loop is being made or closed", lambda: not _is_whole(loop))
    know_pipe(loop)
    if loop._transports:
        writer.note(loop, "its network connections and pipes: the other ends did not stop")
    pending, numbers = b"", [-1, -1]
    if loop._ssock is not None:
        numbers = [loop._ssock.fileno(), loop._csock.fileno()]
        pending = _peek(loop._ssock)
    state = (*instance_state(loop, layout)[:2], None)
    wakes = bool(loop._signal_handlers)
    writer.defer(fill_loop, loop, (state, loop.time(), numbers, pending, wakes))
    return object.__new__, (type(loop),)


_pipes: weakref.WeakSet[Any] = weakref.WeakSet()
"""Sockets that are the self-pipe of a loop."""


def know_pipe(loop: Any) -> None:
    """Remember which sockets are the self-pipe of ``loop``."""
    for name in _PIPE:
        pipe = getattr(loop, name, None)
        if pipe is not None:
            _pipes.add(pipe)


def _is_whole(loop: Any) -> bool:
    """Tell whether a loop has all its attributes, and its self-pipe is watched or gone."""
    found = vars(loop)
    if "_transports" not in found or "_signal_handlers" not in found:
        return False
    if loop._ssock is None:
        return loop._csock is None and not loop._internal_fds and loop._selector is None
    watched = getattr(loop._selector, "_fd_to_key", ())
    return loop._internal_fds == 1 and loop._ssock.fileno() in watched


def _peek(pipe: socket.socket) -> bytes:
    try:
        return socket.socket.recv(pipe, 4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


def fill_loop(loop: Any, state: tuple[Any, float, list[int], bytes, bool]) -> None:
    """Give a loop its state, and at the end its self-pipe; its timers go on where they stood."""
    instance, then, numbers, pending, wakes = state
    fill_instance(loop, instance)
    if loop._thread_id is not None:
        loop._thread_id = threading.get_ident()
    paused_loops.append((weakref.ref(loop), then))
    if loop._ssock is not None:
        reader().late(LATE_CACHES, lambda: _open_pipe(loop, numbers, pending, wakes))


paused_loops: list[tuple[weakref.ref[Any], float]] = []
"""Rebuilt loops with their time at the capture; see `go_on`."""


_NEGLIGIBLE = 1.0
"""Seconds by which clocks that go on may differ: then deadlines stay what the program knows."""


def go_on() -> None:
    """Move the timers of rebuilt loops, last before the program goes on.

    A loop's clock counts from the machine's start. Where the clocks that the program sees go on
    from the capture, there is nothing to move.

    Units:
        Times in seconds.
    """
    _moved.clear()
    while paused_loops:
        reference, then = paused_loops.pop()
        loop = reference()
        if loop is None:
            continue
        passed = loop.time() - then
        if abs(passed) > _NEGLIGIBLE:
            for handle in loop._scheduled:
                handle._when += passed


_moved: dict[Any, int] = {}
"""Descriptors of self-pipes, by the number that they had: a loop watches its own by number."""


def _open_pipe(loop: Any, numbers: list[int], pending: bytes, wakes: bool) -> None:
    for pipe, made, number in zip(
        (loop._ssock, loop._csock), socket.socketpair(), numbers, strict=True
    ):
        descriptor = _moved[number] = _at(made.detach(), number)
        pipe.__init__(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
        pipe.setblocking(False)
    if pending:
        loop._csock.send(pending)
    if wakes:
        signal.set_wakeup_fd(loop._csock.fileno())


def _at(descriptor: int, number: int) -> int:
    """Move a descriptor to the number that it had, if that is free here."""
    made = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, number)
    socket.close(descriptor if made == number else made)
    return made if made == number else descriptor


def reduce_socket(sock: socket.socket, writer: Writer) -> Reduction:
    """Reduce a socket: a loop's self-pipe is rebuilt with the loop, any other is lost."""
    if sock.fileno() < 0:
        return make_closed_socket, (type(sock),)
    if sock in _pipes or _is_self_pipe(sock):
        return make_socket, (type(sock),)
    return writer.refuse(sock, "a socket: its other end did not stop")


def _is_self_pipe(sock: Any) -> bool:
    for holder in gc.get_referrers(sock):
        if isinstance(holder, asyncio.BaseEventLoop):
            holder = vars(holder)
        if type(holder) is dict and any(holder.get(name) is sock for name in _PIPE):
            return True
    return False


def make_socket(cls: Any) -> Any:
    """Rebuild a socket that has no descriptor yet."""
    return cls.__new__(cls)


def make_closed_socket(cls: Any) -> Any:
    """Rebuild a socket that has been closed."""
    made = cls()
    made.close()
    return made


def reduce_poller(poller: Any, _writer: Writer) -> Reduction:
    """Reduce ``select.epoll()`` or ``select.poll()``: its selector has it watch again."""
    return make_poller, (_POLLERS.index(type(poller)), bool(getattr(poller, "closed", False)))


def make_poller(index: int, closed: bool) -> Any:
    """Rebuild a poller that watches nothing yet."""
    poller: Any = _POLLERS[index]()
    if closed:
        poller.close()
    return poller


def reduce_selector(selector: Any, writer: Writer) -> Reduction:
    """Reduce a selector: what it watches, by file object."""
    layout = layout_of(type(selector))
    if layout is None:
        return writer.refuse(selector, "a selector with C fields")
    writer.defer(fill_selector, selector, (*instance_state(selector, layout)[:2], None))
    return object.__new__, (type(selector),)


def fill_selector(selector: Any, state: Any) -> None:
    """Give a selector its state; it watches again when all sockets are there."""
    fill_instance(selector, state)
    if selector._map is not None:
        reader().late(LATE_ROOTS, lambda: _watch_again(selector))


def _watch_again(selector: Any) -> None:
    keys = list(selector._fd_to_key.values())
    for name in ("_fd_to_key", "_readers", "_writers"):
        getattr(selector, name, set()).clear()
    for key in keys:
        if type(key) is Lost or type(key.fileobj) is Lost:
            continue
        file = _moved.get(key.fileobj, key.fileobj)
        try:
            selector.register(file, key.events, key.data)
        except (OSError, ValueError, KeyError):
            continue


def reduce_executor(executor: Any, writer: Writer) -> Reduction:
    """Reduce an idle pool of threads: it starts its threads again when it has something to do."""
    if not _is_idle(executor):
        veto("a pool of threads is at work", lambda: not _is_idle(executor))
    layout = layout_of(type(executor))
    if layout is None:
        return writer.refuse(executor, "a pool of threads with C fields")
    namespace, slots, _ = instance_state(executor, layout)
    namespace = dict(namespace, _threads=set(), _idle_semaphore=threading.Semaphore(0))
    writer.defer(fill_instance, executor, (namespace, slots, None))
    return object.__new__, (type(executor),)


def _is_idle(executor: Any) -> bool:
    alive = sum(thread.is_alive() for thread in executor._threads)
    idle: int = executor._idle_semaphore._value
    return bool(executor._work_queue.empty() and (idle >= alive or executor._shutdown))


def claim(cls: type) -> Reducer | None:
    """Take event loops, selectors and pools of threads."""
    if issubclass(cls, asyncio.selector_events.BaseSelectorEventLoop):
        return reduce_loop
    if issubclass(cls, _SELECTORS):
        return reduce_selector
    threads = sys.modules.get("concurrent.futures.thread")  # naming its class would import it
    pool = getattr(threads, "ThreadPoolExecutor", None)
    return reduce_executor if pool is not None and issubclass(cls, pool) else None


REDUCERS: dict[type, Any] = {
    socket.socket: reduce_socket,
    **dict.fromkeys(_POLLERS, reduce_poller),
}
