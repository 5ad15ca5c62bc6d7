"""Stops inside functions that lru_cache remembers: what they return must be remembered once."""
import functools
import math


@functools.lru_cache(maxsize=None)
def ways(total, coins):
    if total == 0:
        return 1
    if total < 0 or not coins:
        return 0
    first = ways(total - coins[0], coins)
    return first + ways(total, coins[1:])


@functools.lru_cache(maxsize=3)
def area(radius, *, digits=2):
    found = math.pi * radius
    return round(found, digits)


class Grid:
    def __init__(self, size):
        self.size = size

    @functools.cache
    def paths(self, x, y):
        if x == 0 or y == 0:
            return 1
        left = self.paths(x - 1, y)
        return left + self.paths(x, y - 1)


@functools.lru_cache(typed=True)
def kind(value):
    name = type(value).__name__
    return name


print(ways(12, (5, 2, 1)), ways.cache_info())
for radius in (1, 2, 1, 3, 4, 1, 2):
    area(radius, digits=radius % 3)
print(area.cache_info(), area(2, digits=2), area.cache_info())
grid = Grid(3)
bound = grid.paths
print(bound(3, 3), Grid.paths.cache_info(), functools.partial(Grid.paths, grid, 2)(y=2))
print([kind(v) for v in (1, 1.0, True, 1)], kind.cache_info(), Grid.paths.cache_info())
