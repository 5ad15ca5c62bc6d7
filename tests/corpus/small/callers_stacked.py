"""Every way to be called at once: asyncio.run, a for over a generator, __add__, a cache, __init__, a key."""
import asyncio
import functools


class Money:
    def __init__(self, cents):
        steps = [part for part in divmod(cents, 100)]
        self.cents = cents
        self.text = ".".join(map(str, steps))

    def __add__(self, other):
        left, right = price_of(self.cents), price_of(other.cents)
        return Money(left + right)

    def __lt__(self, other):
        smaller = self.cents < other.cents
        return smaller


@functools.lru_cache(maxsize=8)
def price_of(cents):
    ranked = sorted([Money(cents), Money(cents // 2)], key=rank)
    print("price", [one.text for one in ranked])
    return ranked[0].cents + ranked[-1].cents


def rank(money):
    place = -money.cents
    return place


def purses(count):
    for i in range(count):
        yield Money(i * 30 + 5)


async def spend(name, count):
    total = Money(1)
    for purse in purses(count):
        total = total + purse
        await asyncio.sleep(0)
        print(name, total.text)
    return total


async def main():
    both = await asyncio.gather(spend("a", 2), spend("b", 2))
    return max(both).text


print(asyncio.run(main()), price_of.cache_info())
