"""Context variables: one context a task, tokens, contexts entered by hand, callbacks in them."""
import asyncio
import contextvars
import decimal

who = contextvars.ContextVar("who", default="nobody")
depth = contextvars.ContextVar("depth")


async def child(name):
    token = who.set(name)
    decimal.getcontext().prec = 3 + len(name)
    await asyncio.sleep(0)
    seen = who.get(), str(decimal.Decimal(1) / 3)
    who.reset(token)
    return (*seen, who.get())


def counted(n):
    depth.set(n)
    if n:
        total = contextvars.copy_context().run(counted, n - 1)
        return total + depth.get()
    return 0


def steps():
    for i in range(2):
        depth.set(i)
        yield who.get(), depth.get()


async def main():
    outer = who.set("main")
    print(await asyncio.gather(child("a"), child("bcd")))
    context = contextvars.copy_context()
    context.run(who.set, "inside")
    task = asyncio.get_running_loop().create_task(child("e"), context=context)
    print(await task, context[who], who.get())
    walk = steps()
    print(context.run(next, walk), next(walk), context.get(depth), depth.get())
    seen = []
    asyncio.get_running_loop().call_soon(lambda: seen.append(who.get()), context=context)
    await asyncio.sleep(0)
    who.reset(outer)
    print(seen, who.get(), counted(2))
    try:
        who.reset(outer)
    except RuntimeError as error:
        print("used" in str(error))


start = who.set("start")
asyncio.run(main())
print(who.get(), sorted(v.name for v in contextvars.copy_context() if v is who))
who.reset(start)
print(who.get())
