"""A thousand tasks at once, rings of queues, cancelled and failing ones among them, for a while."""
import asyncio
import contextvars

turn = contextvars.ContextVar("turn", default=-1)


def work(v):
    for i in range(40):
        v = (v * 69069 + i) % 2**32
    return v


async def member(name, gate, limit, total):
    await gate.wait()
    async with limit:
        value = work(name * 7 + turn.get())
        await asyncio.sleep(0)
        if value % 97 == 0:
            raise ValueError(name)
        total[name % 10] = (total[name % 10] + work(value)) % 1000003
    return value % 1000


async def sleeper(log, name):
    try:
        await asyncio.sleep(3600)
    finally:
        log.append(name)
        await asyncio.sleep(0)


async def ring(size, rounds):
    queues = [asyncio.Queue(1) for _ in range(size)]

    async def pass_on(index):
        for _ in range(rounds):
            value = await queues[index].get()
            await queues[(index + 1) % size].put(work(value + index))

    tasks = [asyncio.create_task(pass_on(i)) for i in range(size)]
    await queues[0].put(1)
    await asyncio.gather(*tasks)
    return queues[0].get_nowait()


async def numbers(n):
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield work(i)
    finally:
        await asyncio.sleep(0)


async def one_turn(number):
    turn.set(number)
    gate, limit, total, log = asyncio.Event(), asyncio.Semaphore(50), [0] * 10, []
    crowd = [asyncio.create_task(member(n, gate, limit, total)) for n in range(1000)]
    resting = [asyncio.create_task(sleeper(log, n)) for n in range(5)]
    asyncio.get_running_loop().call_later(0.001, gate.set)
    results = await asyncio.gather(*crowd, return_exceptions=True)
    failed = sorted(str(r) for r in results if isinstance(r, ValueError))
    for task in resting:
        task.cancel()
    await asyncio.wait(resting)
    picked = sum([n async for n in numbers(20) if n % 3])
    async with asyncio.TaskGroup() as group:
        rings = [group.create_task(ring(5, 10)) for _ in range(3)]
    try:
        async with asyncio.timeout(0.005):
            await asyncio.Event().wait()
    except TimeoutError:
        log.append("late")
    good = sum(r for r in results if isinstance(r, int))
    return good, failed[:3], total, sorted(map(str, log)), picked, [r.result() for r in rings]


async def main():
    for number in range(40):
        print(number, await one_turn(number), flush=True)


asyncio.run(main())
