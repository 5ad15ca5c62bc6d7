"""Run a program while a timer writes its variables with dill: what people do without us.

    with_dill.py whole|changed SECONDS FILE PROGRAM ARGUMENT…

The variables of all frames are pickled in the program's own thread, one by one; what dill refuses
is left out. ``whole`` writes them all to FILE each time, ``changed`` those whose bytes are not what
they were, each to a file of its own (the seed paper's first approach). One line of JSON in
``FILE.times`` for each dump: seconds and bytes.
"""

import hashlib
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType, ModuleType

import dill

WAY, INTERVAL, PROGRAM = sys.argv[1], float(sys.argv[2]), sys.argv[4]
TARGET = os.path.abspath(sys.argv[3])
written_before: dict[str, bytes] = {}


def variables(frame: FrameType | None) -> Iterator[tuple[str, object]]:
    """Give each variable of the program's frames, with a name for a file."""
    depth = 0
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            for name, value in list(frame.f_locals.items()):
                if not isinstance(value, ModuleType | dict):
                    yield f"{depth}-{name}", value
            depth += 1
        frame = frame.f_back


def dump_whole(frame: FrameType | None) -> int:
    """Write every variable; return the bytes."""
    with open(TARGET, "wb") as file:
        written = sum(file.write(_pickled(value)) for _, value in variables(frame))
        file.flush()
        os.fsync(file.fileno())
    return written


def dump_changed(frame: FrameType | None) -> int:
    """Write each variable that is not what it was; return the bytes."""
    written = 0
    for name, value in variables(frame):
        content = _pickled(value)
        digest = hashlib.blake2b(content).digest()
        if written_before.get(name) == digest:
            continue
        with open(f"{TARGET}.{name}", "wb") as file:
            written += file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written_before[name] = digest
    return written


def _pickled(value: object) -> bytes:
    try:
        return dill.dumps(value)
    except Exception:
        return b""


def on_alarm(_: int, frame: FrameType | None) -> None:
    """Dump, and note what it cost."""
    begun = time.perf_counter()
    size = (dump_whole if WAY == "whole" else dump_changed)(frame)
    with open(TARGET + ".times", "a") as file:
        file.write(json.dumps([time.perf_counter() - begun, size]) + "\n")


signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
sys.argv = sys.argv[4:]
runpy.run_path(PROGRAM, run_name="__main__")
signal.setitimer(signal.ITIMER_REAL, 0)
