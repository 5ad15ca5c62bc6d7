"""Deadlines, timers and rates: what depends on a clock that must not jump."""

import asyncio
import time
from time import monotonic, perf_counter, perf_counter_ns, process_time


class Stopwatch:
    """Measures with whatever clock it is given."""

    def __init__(self, clock=perf_counter):
        self.clock, self.begun = clock, clock()

    def read(self):
        return self.clock() - self.begun


CLOCKS = (monotonic, perf_counter, process_time, time.thread_time)
watches = [Stopwatch(clock) for clock in CLOCKS]
begun_ns = perf_counter_ns()
last = [clock() for clock in CLOCKS]
deadline = monotonic() + 3600


def step(number):
    """Work a little; return whether every clock has gone forward, and by little."""
    total = sum(i * i for i in range(20_000)) % (number + 7)
    forward = True
    for index, clock in enumerate(CLOCKS):
        now = clock()
        forward = forward and 0 <= now - last[index] < 600
        last[index] = now
    return forward, total


async def wait_and_count():
    """Timers of a running loop; none comes an hour late or all at once."""
    loop = asyncio.get_running_loop()
    fired = []
    for number in range(20):
        loop.call_at(loop.time() + 0.02 * number, fired.append, number)
    for number in range(30):
        step(number)
        await asyncio.wait_for(asyncio.sleep(0.02), 60)
    return fired


good = 0
for number in range(300):
    forward, total = step(number)
    good += forward
    if number % 50 == 0:
        print(number, good, total, monotonic() < deadline, flush=True)
    if monotonic() > deadline:
        raise SystemExit("the deadline has passed")
print(asyncio.run(wait_and_count()))
print([0 < watch.read() < 600 for watch in watches], 0 < perf_counter_ns() - begun_ns < 600e9)
