"""Deep recursion: hundreds of frames with pending work, and deeply nested data."""
import sys

sys.setrecursionlimit(3000)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def nest(n):
    return [n, nest(n - 1)] if n else []


def measure(node):
    return 1 + measure(node[1]) if node else 0


def tail(n, acc):
    if n == 0:
        return acc
    return tail(n - 1, (acc * 31 + n) % 1000003) + n % 2


linked = None
for i in range(20000):
    linked = (i, linked)
for n in range(1, 75):
    print(n, ackermann(2, n * 3), measure(nest(n * 10)), tail(500, n), flush=True)
length = 0
while linked:
    length += 1
    linked = linked[1]
print(length)
