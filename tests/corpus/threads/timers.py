"""Timers, daemons, timeouts, and a main thread that sleeps, polls and joins."""

import threading
import time

stop, seen, beats = threading.Event(), [], []


def beat():
    while not stop.wait(0.02):
        beats.append(1)


def forever():
    while True:
        time.sleep(0.05)


timers = [threading.Timer(0.1 * n, seen.append, args=(n,)) for n in (4, 1, 7, 12)]
cancelled = threading.Timer(60, seen.append, args=("never",))
for timer in [*timers, cancelled]:
    timer.start()
threading.Thread(target=beat, name="beat").start()
threading.Thread(target=forever, daemon=True).start()
time.sleep(1.5)
cancelled.cancel()
while any(timer.is_alive() for timer in timers):
    time.sleep(0.01)
cancelled.join(5)
print(sorted(seen), cancelled.is_alive(), cancelled.finished.is_set())
lock = threading.Lock()
with lock:
    print(lock.acquire(timeout=0.3), lock.acquire(blocking=False), lock.locked())
time.sleep(0.4)
stop.set()
for thread in threading.enumerate():
    if thread.name == "beat":
        thread.join()
print(len(beats) > 3, sorted(t.name for t in threading.enumerate() if not t.daemon))
