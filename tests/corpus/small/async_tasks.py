"""Tasks: gather, wait, wait_for, shield, names, exceptions, results of tasks nobody awaited yet."""
import asyncio


async def step(name, n, fail=False):
    for i in range(n):
        await asyncio.sleep(0)
    if fail:
        raise ValueError(name)
    return name * n


async def guarded(inner):
    try:
        return await asyncio.shield(inner)
    except asyncio.CancelledError:
        return "outer cancelled"


async def main():
    first = asyncio.create_task(step("a", 2), name="first")
    print(await asyncio.gather(first, step("b", 1), step("c", 3)))
    print(await asyncio.gather(step("d", 1, True), step("e", 2), return_exceptions=True))
    tasks = {asyncio.create_task(step(c, n), name=c) for n, c in enumerate("xyz")}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(sorted(t.get_name() for t in done), len(pending))
    done, pending = await asyncio.wait(tasks)
    print(sorted(t.result() for t in done), pending)
    try:
        await asyncio.wait_for(step("f", 2, True), 5)
    except ValueError as error:
        print("wait_for", repr(error), error.__traceback__.tb_next is not None)
    inner = asyncio.create_task(step("g", 4))
    outer = asyncio.create_task(guarded(inner))
    await asyncio.sleep(0)
    outer.cancel()
    print(await outer, await inner)
    for future in asyncio.as_completed([step("h", 1)]):
        print(await future)
    print(first.get_name(), first.done(), asyncio.current_task() in asyncio.all_tasks())


asyncio.run(main())
