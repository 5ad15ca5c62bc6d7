"""A timeout that ends a longer wait, again and again."""

import asyncio


async def main():
    for k in range(3):
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            print("timeout")


asyncio.run(main())
