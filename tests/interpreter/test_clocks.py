"""A clock can be set, and stays the function that programs hold."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_ROOT = Path(__file__).parents[2]


def _run(code):
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_way_to_ask_a_clock_shows_the_same_shift():
    _run("""
        import functools, time
        from time import monotonic as held, perf_counter_ns as held_ns
        from dartslurm.interpreter.clocks import CLOCKS, shift
        before = {name: getattr(time, name) for name in CLOCKS}
        start, start_ns, show = held(), held_ns(), repr(held)
        partial = functools.partial(held)
        shift({"monotonic": 10**12, "perf_counter": -(10**13), "process_time": 5 * 10**9,
               "thread_time": 7 * 10**9})
        assert 1000 <= held() - start < 1060 and 1000 <= partial() - start < 1060
        assert -1e13 <= held_ns() - start_ns < -1e13 + 6e10
        assert time.process_time() >= 5 and time.process_time_ns() >= 5 * 10**9
        assert time.thread_time() >= 7 and time.thread_time_ns() >= 7 * 10**9
        assert all(getattr(time, name) is clock for name, clock in before.items())
        assert repr(held) == show and type(held()) is float and type(held_ns()) is int
        assert abs(time.monotonic() - time.monotonic_ns() / 1e9) < 60
        shift({"monotonic": -(10**12)})
        assert 0 <= held() - start < 60
    """)


def test_a_set_clock_leaks_nothing_and_serves_to_the_end_of_the_process():
    out = _run("""
        import asyncio, atexit, sys, threading, time
        from dartslurm.interpreter.clocks import shift
        shift({"monotonic": 10**15, "perf_counter": 10**15})
        for _ in range(1000):
            time.monotonic_ns()
        before = sys.getallocatedblocks()
        for _ in range(100_000):
            time.monotonic_ns(), time.perf_counter()
        assert sys.getallocatedblocks() - before < 100
        async def main():
            await asyncio.wait_for(asyncio.sleep(0.01), 5)
        asyncio.run(main())
        threading.Timer(0.01, print, ("timer",)).start()
        atexit.register(lambda: print(time.perf_counter() > 10**6))
    """)
    assert out.splitlines() == ["timer", "True"]
