"""Threads that live for short stretches between long ones of plain work; a queue and a pool."""
import queue
import threading
from concurrent.futures import ThreadPoolExecutor


def work(n, v=1):
    for i in range(n):
        v = (v * 16807 + i) % 2147483647
    return v


results = queue.Queue()
local = threading.local()
local.base = 5
for turn in range(12):
    threads = [threading.Thread(target=lambda k=k: results.put(work(200, k))) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with ThreadPoolExecutor(2) as pool:
        values = list(pool.map(work, [50, 60, 70]))
    got = sorted(results.get() for _ in range(3))
    print(turn, got, values, work(400000, turn), local.base, flush=True)
