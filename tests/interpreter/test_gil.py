"""The stack of another thread is read only as long as no other thread has run."""

import sys
import threading

import pytest

from dartslurm.errors import NotYetError
from dartslurm.interpreter.frames import address, head, is_called_directly, slot
from dartslurm.interpreter.gil import SWITCHES, unmoved

READS = {
    "address": lambda frame, base: address(frame),
    "slot": lambda frame, base: slot(base, 0),
    "head": lambda frame, base: head(base, 0),
    "caller": lambda frame, base: is_called_directly(frame),
}


def run_another():
    thread = threading.Thread(target=sum, args=((1, 2),))
    thread.start()
    thread.join()


def test_the_count_grows_when_another_thread_runs_and_only_then():
    before = SWITCHES[0]
    total = sum(range(1000))
    alone = SWITCHES[0] - before
    run_another()
    assert (total, alone) == (499500, 0)
    assert SWITCHES[0] >= before + 2


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_after_another_thread_has_run_is_refused(read):
    frame = sys._getframe()
    base = address(frame)
    with unmoved():
        unread = read(frame, base)
        run_another()
        with pytest.raises(NotYetError, match="another thread ran"):
            read(frame, base)
        with unmoved(), pytest.raises(NotYetError):  # one inside another is no new look
            read(frame, base)
    assert read(frame, base) == unread


def test_who_did_not_look_at_another_thread_reads_on():
    frame = sys._getframe()
    refused = []

    def look():
        with unmoved():
            go.wait()
            try:
                slot(address(frame), 0)
            except NotYetError as error:
                refused.append(error)

    go = threading.Event()
    thread = threading.Thread(target=look)
    thread.start()
    found = slot(address(frame), 0)
    go.set()
    thread.join()
    assert found is look  # the first slot
    assert len(refused) == 1
