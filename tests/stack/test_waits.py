"""A thread inside a C call that can be executed again has a link; in any other it has none."""

import os
import queue
import select
import sys
import threading
import time

import pytest

from dartslurm.interpreter.frames import slot
from dartslurm.interpreter.threads import native_ids
from dartslurm.safepoint.rest import kernel_wait
from dartslurm.stack.links import Blocked, interrupted
from dartslurm.stack.waits import link_waiting

LOCK, RLOCK, EVENT = threading.Lock(), threading.RLock(), threading.Event()
SIMPLE = queue.SimpleQueue()


def with_lock():
    with LOCK:
        pass


def get_from_bound():
    get = SIMPLE.get
    get()


def get_by_for():
    for _ in iter(SIMPLE.get, None):
        pass


def poll_nothing():
    reader, writer = os.pipe()
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.poll(3000)
    finally:
        os.close(reader)
        os.close(writer)


WAITS = {
    "lock": lambda: LOCK.acquire() and LOCK.release(),
    "lock with a timeout": lambda: LOCK.acquire(timeout=3) and LOCK.release(),
    "with": with_lock,
    "rlock": lambda: RLOCK.acquire() and RLOCK.release(),
    "queue": lambda: SIMPLE.get(block=True),
    "a bound method of a queue": get_from_bound,
    "for": get_by_for,
    "sleep": lambda: time.sleep(3),
    "select": lambda: select.select([], [], [], 3),
    "poll": poll_nothing,
    "event": EVENT.wait,
}


def in_the_wait(function):
    """Start a thread and return it with its innermost frame, once the kernel has it."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    for _ in range(2000):
        wait = kernel_wait(native_ids().get(thread.ident, 0))
        frame = sys._current_frames().get(thread.ident)
        if wait is not None and frame is not None and frame.f_code is not_bootstrap(frame):
            return thread, frame, wait
        time.sleep(0.005)
    raise AssertionError("the thread never waits")


def not_bootstrap(frame):
    return None if frame.f_code.co_name.startswith("_bootstrap") else frame.f_code


@pytest.fixture
def held():
    """Everything is taken; at the end it is given free, and all threads go on."""
    EVENT.clear()
    while not SIMPLE.empty():
        SIMPLE.get()
    LOCK.acquire()
    RLOCK.acquire()
    yield
    LOCK.release()
    RLOCK.release()
    EVENT.set()
    SIMPLE.put(None)


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_that_can_be_executed_again_has_a_link(name, held):
    _, frame, wait = in_the_wait(WAITS[name])
    link = link_waiting(frame, wait.left_seconds)
    assert not isinstance(link, Blocked), link
    assert link.entry == "again"
    assert link.pause.call_site == -1


TIMED = {
    "sleep": lambda: time.sleep(3),
    "lock": lambda: LOCK.acquire(True, 3) and LOCK.release(),
    "lock by names": lambda: LOCK.acquire(timeout=3, blocking=True) and LOCK.release(),
    "queue": lambda: SIMPLE.get(True, 3),
    "select": lambda: select.select([], [], [], 3),
    "epoll": lambda: select.epoll().poll(3, 7),
}


@pytest.mark.parametrize("name", TIMED)
def test_what_is_left_of_a_timeout_replaces_it_and_nothing_else(name, held):
    _, frame, _ = in_the_wait(TIMED[name])
    link, call = link_waiting(frame, 1.5), interrupted(frame)
    [(index, value)] = link.given.items()
    assert (slot(call.base, call.first + index), value) == (3, 1.5)


def test_a_read_that_has_effects_of_its_own_has_no_link():
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: os.read(reader, 1), daemon=True)
    thread.start()
    time.sleep(0.1)
    frame = sys._current_frames()[thread.ident]
    assert isinstance(link_waiting(frame), Blocked)
    assert kernel_wait(thread.native_id) is None
    os.write(writer, b"x")
    thread.join()
    os.close(reader)
    os.close(writer)


def test_a_frame_behind_its_call_has_no_link():
    """The value has been pushed; what lay above it on the value stack may be freed memory."""
    seen = []

    class Late:
        def __del__(self):
            frame = sys._getframe(1)
            seen.append(isinstance(link_waiting(frame), Blocked))

    def behind():
        value = [Late()]
        time.sleep(0) or value.pop()
        return value

    behind()
    assert seen == [True]
