"""Awaitables, async iterators and managers whose special methods are plain functions with lines."""
import asyncio


class Later:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        made = asyncio.sleep(0, self.value)
        made = made.__await__()
        return made


class Twice:
    def __await__(self):
        first = yield from Later(1).__await__()
        second = yield from Later(2).__await__()
        return first + second


class Numbers:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        n = self.n
        self.left = list(range(n))
        return self

    def __anext__(self):
        if not self.left:
            return self.over()
        value = self.left.pop()
        return Later(value) if value % 2 else asyncio.sleep(0, value)

    async def over(self):
        raise StopAsyncIteration


class Manager:
    def __aenter__(self):
        name = "manager"
        return asyncio.sleep(0, name)

    def __aexit__(self, kind, error, traceback):
        swallow = kind is KeyError
        return asyncio.sleep(0, swallow)


def old(n):
    got = yield from asyncio.sleep(0, n).__await__()
    return got


class Wrapped:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        return old(self.n)


async def main():
    print(await Later(5), await Twice(), await Wrapped(7))
    async for number in Numbers(4):
        print(number)
    async with Manager() as name:
        print(name)
        raise KeyError(1)
    async with Manager():
        pass
    print([n async for n in Numbers(3)], await asyncio.gather(Later(3), Twice()))
    print(await asyncio.wait_for(Later(1), 5))


asyncio.run(main())
