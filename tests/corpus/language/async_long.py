"""Coroutines that compute: producers, consumers, locks, gather, timeouts, async comprehensions."""
import asyncio


def work(n, v):
    for i in range(n):
        v = (v * 69069 + i) % 2 ** 32
    return v


async def producer(queue, n):
    for i in range(n):
        await queue.put(work(300, i))
    await queue.put(None)


async def consumer(queue, name, lock, totals):
    while (item := await queue.get()) is not None:
        async with lock:
            totals[name] = (totals[name] + work(200, item)) % 1000003
        await asyncio.sleep(0)
    await queue.put(None)
    return name


async def squares(n):
    for i in range(n):
        yield i * i
        await asyncio.sleep(0)


async def main():
    for turn in range(70):
        queue, lock = asyncio.Queue(maxsize=4), asyncio.Lock()
        totals = {"a": 0, "b": 0}
        done = await asyncio.gather(
            producer(queue, 200), *(consumer(queue, name, lock, totals) for name in totals)
        )
        values = [v async for v in squares(30) if v % 2]
        print(turn, done, totals, sum(values), flush=True)


asyncio.run(main())
