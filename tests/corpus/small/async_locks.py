"""Locks, events, semaphores, conditions and queues between coroutines."""
import asyncio


async def holder(lock, name, out):
    async with lock:
        out.append(name + "+")
        await asyncio.sleep(0)
        out.append(name + "-")


async def consumer(condition, box, out):
    async with condition:
        await condition.wait_for(lambda: box)
        out.append(("got", box.pop()))


async def producer(condition, box):
    for i in range(2):
        async with condition:
            box.append(i)
            condition.notify()
        await asyncio.sleep(0)


async def worker(queue, out):
    while True:
        out.append(await queue.get())
        queue.task_done()


async def main():
    out, lock, event = [], asyncio.Lock(), asyncio.Event()
    await asyncio.gather(*(holder(lock, name, out) for name in "ab"))
    slots = asyncio.Semaphore(2)
    await asyncio.gather(*(holder(slots, name, out) for name in "cde"))
    print(out, lock.locked(), slots.locked())
    waiter = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    event.set()
    print(await waiter)
    out, condition, box = [], asyncio.Condition(), []
    await asyncio.gather(*(consumer(condition, box, out) for _ in "xy"), producer(condition, box))
    print(sorted(out))
    queue = asyncio.Queue(maxsize=2)
    task = asyncio.create_task(worker(queue, out))
    for i in range(4):
        await queue.put(i)
    await queue.join()
    task.cancel()
    print(out, await asyncio.gather(task, return_exceptions=True))


asyncio.run(main())
