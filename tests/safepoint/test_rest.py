"""Threads are brought to rest only where they can be frozen, and always let go again."""

import _thread
import os
import threading
import time

import pytest

from dartslurm.interpreter.threads import native_ids
from dartslurm.safepoint.gate import Gate
from dartslurm.safepoint.request import Request
from dartslurm.safepoint.rest import Rest
from dartslurm.stack.threads import thread_obstacle


def not_ours(frame):
    return False


def obstacle(frame, wait):
    return thread_obstacle(frame, wait is not None, not_ours)


@pytest.fixture
def rest():
    """A gate of its own that never attempts anything: `Rest` needs its line events only."""
    made = Rest(not_ours, obstacle, native_ids)
    runners, every = set(made.others()), made.others  # a test runner's own, when it has some
    made.others = lambda: {i: frame for i, frame in every().items() if i not in runners}
    gate = Gate(lambda *_: "no", not_ours, lambda code: True, lambda message: None, made)
    gate._request, gate._busy = Request("test"), True  # as in the middle of an attempt
    yield made
    made.release()
    gate.close()


class Counter(threading.Thread):
    """Counts for ever; ``sorted`` makes it count inside a C function."""

    def __init__(self, inside_c=False):
        super().__init__(daemon=True)
        self.count, self.stop, self.inside_c = 0, False, inside_c

    def step(self, _=None):
        self.count += 1
        return 0

    def run(self):
        while not self.stop:
            if self.inside_c:
                sorted(range(200000), key=self.step)
            else:
                self.step()


def test_a_busy_thread_stands_still_until_it_is_released(rest):
    threads = [Counter() for _ in range(3)]
    for thread in threads:
        thread.start()
    assert rest.gather(Request("test", exit_code=85), 0.0) == ""
    before = [thread.count for thread in threads]
    time.sleep(0.05)
    assert [thread.count for thread in threads] == before
    assert {rest.found[thread.ident].wait for thread in threads} == {None}
    rest.release()
    for thread, count in zip(threads, before, strict=True):
        while thread.count == count:
            time.sleep(0.001)
        thread.stop = True
        thread.join()


def test_a_waiting_thread_is_left_where_it_is(rest):
    lock = _thread.allocate_lock()
    lock.acquire()
    thread = threading.Thread(target=lock.acquire, daemon=True)
    thread.start()
    assert rest.gather(Request("test", exit_code=85), 0.0) == ""
    assert rest.settle() == ""
    rest.read()
    assert rest.found[thread.ident].wait is not None
    assert not rest.stirred()
    lock.release()
    while not rest.stirred():
        time.sleep(0.001)
    rest.release()
    thread.join()


def test_a_thread_inside_a_c_function_is_given_up_with_its_reason(rest):
    thread = Counter(inside_c=True)
    thread.start()
    while not thread.count:
        time.sleep(0.001)
    reasons = [rest.gather(Request("interval"), 0.0) for _ in range(3)]
    rest.release()
    count = thread.count
    thread.stop = True
    assert any("thread" in reason for reason in reasons) or count
    thread.join()


def test_a_thread_in_a_read_is_not_at_rest(rest):
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: os.read(reader, 1), daemon=True)
    thread.start()
    time.sleep(0.1)
    assert "a thread runs" in rest.gather(Request("interval"), 0.0)
    rest.release()
    os.write(writer, b"x")
    thread.join()


def test_closures_keep_what_other_threads_wrote_while_one_was_parked(rest):
    """On 3.11 tracing writes a snapshot of shared cells back after the callback."""
    total, stop, turns = 0, False, []

    def add():
        nonlocal total
        while not stop:
            with lock:
                total = total + 1
                turns.append(1)

    lock = threading.Lock()
    threads = [threading.Thread(target=add, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        rest.gather(Request("interval"), 0.0)
        rest.release()
        time.sleep(0.002)
    stop = True
    for thread in threads:
        thread.join()
    assert total == len(turns)
