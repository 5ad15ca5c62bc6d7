"""Task groups and timeouts: cancelled brothers, groups of exceptions, deadlines that pass."""
import asyncio


async def wait_long(log, name):
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError as error:
        log.append((name, error.args))
        raise
    finally:
        log.append(name + " over")


async def fails(n):
    for _ in range(n):
        await asyncio.sleep(0)
    raise KeyError(n)


async def main():
    log = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_long(log, "one"))
            group.create_task(fails(2))
            await wait_long(log, "body")
    except* KeyError as errors:
        print("group", errors.exceptions)
    print(log)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, i)) for i in range(3)]
    print([task.result() for task in tasks])
    try:
        async with asyncio.timeout(0.01):
            await wait_long(log, "late")
    except TimeoutError as error:
        print("timeout", type(error.__cause__).__name__)
    try:
        await asyncio.wait_for(wait_long(log, "later"), 0.01)
    except TimeoutError:
        print("wait_for", asyncio.current_task().cancelling())
    async with asyncio.timeout(20) as deadline:
        await asyncio.sleep(0)
        deadline.reschedule(None)
    print(deadline.expired(), log)


asyncio.run(main())
