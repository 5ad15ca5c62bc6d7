"""await inside try, except, else, finally and async with, with exceptions in flight."""
import asyncio
import contextlib
import sys


class Room:
    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow

    async def __aenter__(self):
        await asyncio.sleep(0)
        print("enter", self.name, repr(sys.exc_info()[1]))
        return self

    async def __aexit__(self, kind, error, traceback):
        await asyncio.sleep(0)
        print("leave", self.name, repr(error), sys.exc_info()[1] is error)
        return self.swallow


@contextlib.asynccontextmanager
async def managed(name):
    print("open", name)
    try:
        await asyncio.sleep(0)
        yield name
    except LookupError as error:
        await asyncio.sleep(0)
        print("managed", repr(error), repr(error.__context__))
        raise RuntimeError("from managed") from error
    finally:
        await asyncio.sleep(0)
        print("close", name)


async def handled():
    await asyncio.sleep(0)
    return repr(sys.exc_info()[1])


async def main():
    try:
        try:
            async with Room("a", True), Room("b"):
                raise KeyError("one")
            await asyncio.sleep(0)
            raise ValueError("two")
        except ValueError as error:
            print(await handled(), await asyncio.create_task(handled()))
            async with Room("c"), managed("d"):
                raise IndexError("three") from error
        finally:
            await asyncio.sleep(0)
            print("finally", repr(sys.exc_info()[1]))
    except RuntimeError as error:
        await asyncio.sleep(0)
        print(repr(error), repr(error.__cause__), repr(error.__cause__.__cause__))
        try:
            await handled()
            raise
        except RuntimeError as again:
            print(again is error, sys.exc_info()[1] is error)
    else:
        print("never")
    return sys.exc_info()


print(asyncio.run(main()))
