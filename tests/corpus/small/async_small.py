"""Coroutines: gather, a queue, async for and async with, inside asyncio.run."""
import asyncio


class Door:
    async def __aenter__(self):
        print("open")
        return self

    async def __aexit__(self, *exc):
        print("shut")


async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def worker(name, queue, out):
    while True:
        item = await queue.get()
        if item is None:
            return name
        out.append((name, item * 2))


async def main():
    queue, out = asyncio.Queue(), []
    for i in range(3):
        queue.put_nowait(i)
    queue.put_nowait(None)
    names = await asyncio.gather(worker("w", queue, out))
    async with Door():
        async for t in ticks(2):
            print("tick", t)
    return names, out


print(asyncio.run(main()))
