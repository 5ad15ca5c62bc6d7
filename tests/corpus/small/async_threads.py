"""Work handed to threads from coroutines; the pool is idle in between."""
import asyncio
import time


def work(n):
    time.sleep(0.002)
    return sum(range(n))


async def main():
    total = 0
    for n in range(3):
        total += await asyncio.to_thread(work, n * 10)
        for i in range(2):
            total += i
            await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    print(total, await loop.run_in_executor(None, work, 5))
    results = await asyncio.gather(*(asyncio.to_thread(work, n) for n in range(3)))
    return results


print(asyncio.run(main()))
