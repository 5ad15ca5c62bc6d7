"""Async generators: suspended, running, asend, athrow, aclose, left open; async comprehensions."""
import asyncio


async def echo(n):
    got = None
    try:
        for i in range(n):
            try:
                got = yield (i, got)
                await asyncio.sleep(0)
            except ValueError as error:
                got = repr(error)
    finally:
        await asyncio.sleep(0)
        print("closed", n, got)


async def doubled(source):
    async for item in source:
        await asyncio.sleep(0)
        yield item, item


class Count:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        await asyncio.sleep(0)
        return self.n


async def main():
    talk = echo(4)
    print(await anext(talk), await talk.asend("hi"), await talk.athrow(ValueError("bad")))
    await talk.aclose()
    print(await anext(talk, "nothing left"))
    async for pair in doubled(echo(2)):
        print(pair)
    print([n async for n in Count(3) if n != 1], {n: n * n async for n in Count(2)})
    print(sum([n async for n in Count(3)]), [await asyncio.sleep(0, n) for n in range(2)])
    async for pair in echo(5):
        if pair[0]:
            break
    left_open = echo(6)
    await anext(left_open)
    both = await asyncio.gather(anext(doubled(Count(2))), anext(Count(5)))
    print(both)


asyncio.run(main())
