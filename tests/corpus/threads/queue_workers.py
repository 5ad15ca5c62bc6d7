"""Four workers take numbers from a queue and factor them; the main thread sorts what comes back."""

import queue
import threading


def factors(number):
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return [*found, number] if number > 1 else found


def work(tasks, results):
    while True:
        number = tasks.get()
        if number is None:
            tasks.task_done()
            return
        results.put((number, factors(number)))
        tasks.task_done()


tasks, results = queue.Queue(maxsize=8), queue.Queue()
workers = [threading.Thread(target=work, args=(tasks, results), name=f"w{i}") for i in range(4)]
for worker in workers:
    worker.start()
for number in range(10**9, 10**9 + 260):
    tasks.put(number)
for _ in workers:
    tasks.put(None)
tasks.join()
for worker in workers:
    worker.join()
    print(worker.name, worker.is_alive())
found = sorted(results.get() for _ in range(results.qsize()))
for number, parts in found:
    product = 1
    for part in parts:
        product *= part
    assert product == number
print(len(found), sum(len(parts) for _, parts in found), found[-1])
