"""Stops while the consumer stands in its for and the generator runs; nested three deep."""
def numbers(n):
    for i in range(n):
        half = i / 2
        yield half


def squares(n):
    for x in numbers(n):
        y = x * x
        yield y


def pairs(n):
    last = None
    for y in squares(n):
        if last is not None:
            z = (last, y)
            yield z
        last = y


acc = []
for a, b in pairs(4):
    acc.append(a + b)
    print(a, b)
print(acc, max(pairs(3)), [*squares(2)], dict(pairs(3)))
first, *rest = squares(3)
print(first, rest, ",".join(str(v) for v in numbers(2)))
