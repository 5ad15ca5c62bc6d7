"""Run a program while a timer writes its whole state with dill: what people do without us.

    whole_state.py SECONDS FILE PROGRAM ARGUMENT…

The variables of all frames are dumped in the program's own thread, one by one; what dill refuses
is left out. One line of JSON in ``FILE.times`` for each dump: seconds and bytes.
"""

import json
import os
import runpy
import signal
import sys
import time
from types import FrameType, ModuleType

import dill

INTERVAL, TARGET, PROGRAM = float(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]


def dump(frame: FrameType | None) -> int:
    """Write every variable; return the bytes."""
    written = 0
    with open(TARGET, "wb") as file:
        while frame is not None:
            if frame.f_code.co_filename == PROGRAM:
                for value in list(frame.f_locals.values()):
                    if not isinstance(value, ModuleType | dict):
                        written += file.write(_pickled(value))
            frame = frame.f_back
        file.flush()
        os.fsync(file.fileno())
    return written


def _pickled(value: object) -> bytes:
    try:
        return dill.dumps(value)
    except Exception:
        return b""


def on_alarm(_: int, frame: FrameType | None) -> None:
    """Dump, and note what it cost."""
    begun = time.perf_counter()
    size = dump(frame)
    with open(TARGET + ".times", "a") as file:
        file.write(json.dumps([time.perf_counter() - begun, size]) + "\n")


signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
sys.argv = sys.argv[3:]
runpy.run_path(PROGRAM, run_name="__main__")
signal.setitimer(signal.ITIMER_REAL, 0)
