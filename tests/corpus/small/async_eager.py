"""Eager tasks (3.12): they run to their first wait inside create_task, also one in another."""
import asyncio


async def ready(x):
    me = asyncio.current_task()
    return x, me.done(), me in asyncio.all_tasks()


async def waits(x):
    before = asyncio.current_task()
    if x:
        below = asyncio.create_task(waits(x - 1))
        got = await below
    else:
        await asyncio.sleep(0)
        got = []
    return [*got, (x, asyncio.current_task() is before)]


async def fails():
    raise ValueError("at once")


async def asks():
    asyncio.current_task().cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        return "cancelled"


async def main():
    factory = getattr(asyncio, "eager_task_factory", None)
    asyncio.get_running_loop().set_task_factory(factory)
    task = asyncio.create_task(ready(1))
    print(factory is None or task.done(), await task == (1, False, True))
    print(await asyncio.create_task(waits(2)))
    print(await asyncio.gather(waits(1), ready(2), fails(), asks(), return_exceptions=True))
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(waits(0)) for _ in range(2)]
    print([task.result() for task in made])


asyncio.run(main())
