"""A barrier, a semaphore, a reentrant lock, thread-local state, and threads started by threads."""

import threading
import time

local = threading.local()
lock = threading.RLock()
places = threading.BoundedSemaphore(2)
barrier = threading.Barrier(4)
history, inside, sums = [], 0, {}


def enter(depth):
    with lock:
        return depth if depth == 0 else enter(depth - 1) + 1


def visit(me, phases):
    global inside
    local.name, local.steps = f"visitor {me}", 0
    for phase in range(phases):
        with places:
            with lock:
                inside += 1
                assert inside <= 2 and enter(5) == 5
            time.sleep(0.003)
            with lock:
                inside -= 1
        local.steps += phase * me
        if barrier.wait() == 0:
            with lock:
                history.append(phase)
        barrier.wait()
    sums[local.name] = local.steps


def family(depth, log):
    children = [threading.Thread(target=family, args=(depth - 1, log)) for _ in range(2) if depth]
    for child in children:
        child.start()
    time.sleep(0.02)
    for child in children:
        child.join()
    with lock:
        log.append(depth)


local.name = "main"
threads = [threading.Thread(target=visit, args=(me, 40)) for me in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(local.name, hasattr(local, "steps"), inside, history == list(range(40)))
print(sorted(sums.items()))
log = []
family(4, log)
print(sorted(log), threading.active_count(), threading.current_thread().name)
late = threading.Thread(target=print, args=("late",))
print(late.name)
late.start()
late.join()
