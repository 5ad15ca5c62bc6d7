"""Cancellation at each await, cleaning up meanwhile, of oneself, refused, counted."""
import asyncio


async def inner(log):
    try:
        log.append("in")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append("through")
    except asyncio.CancelledError as error:
        log.append(("inner", error.args))
        await asyncio.sleep(0)
        log.append("cleaned")
        raise
    finally:
        await asyncio.sleep(0)


async def items(log):
    try:
        for i in range(2):
            await inner(log)
            yield i
    finally:
        log.append("items")


async def body(log):
    async for i in items(log):
        log.append(i)
    return "whole"


async def stubborn():
    for _ in range(2):
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
    return asyncio.current_task().cancelling()


async def suicide():
    asyncio.current_task().cancel("me")
    seen = asyncio.current_task().cancelling()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as error:
        return seen, error.args


async def main():
    for when in range(6):
        log = []
        task = asyncio.create_task(body(log))
        for _ in range(when):
            await asyncio.sleep(0)
        task.cancel(f"at {when}")
        (result,) = await asyncio.gather(task, return_exceptions=True)
        print(when, repr(result), log)
    task = asyncio.create_task(stubborn())
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
    print(await task, await asyncio.create_task(suicide()))


asyncio.run(main())
