"""Threads that never wait: they count, share a lock now and then, and use generators and closures."""

import threading


def squares(limit):
    for number in range(limit):
        yield number * number % 7919


def counter(limit):
    total, touched = 0, 0

    def touch():
        nonlocal touched
        touched += 1

    for value in squares(limit):
        total = (total * 31 + value) % 1000003
        if value % 1009 == 0:
            with lock:
                shared["hits"] += 1
            touch()
    with lock:
        shared["touched"] += touched
        results[limit] = total


def failing(limit):
    try:
        counter(limit)
        raise KeyError(limit)
    except KeyError as error:
        try:
            counter(limit + 1)
        finally:
            errors.append((type(error).__name__, error.args))


lock, shared, results, errors = threading.Lock(), {"hits": 0, "touched": 0}, {}, []
limits = [150000, 200000, 250000, 300000]
threads = [threading.Thread(target=counter, args=(limit,)) for limit in limits]
threads.append(threading.Thread(target=failing, args=(120000,)))
for thread in threads:
    thread.start()
counter(100000)
for thread in threads:
    thread.join()
print(shared["hits"] == shared["touched"], sorted(results.items()), errors)
