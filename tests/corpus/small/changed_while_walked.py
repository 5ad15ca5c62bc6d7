"""Dicts, sets and deques that change under their iterators: the error comes, and stays."""

from collections import OrderedDict, deque


def step(walk):
    try:
        return next(walk)
    except (RuntimeError, StopIteration) as error:
        return type(error).__name__, str(error), error.__traceback__.tb_next


table = {n: str(n) for n in range(5)}
walks = [iter(table), iter(table.items()), reversed(table), reversed(table.values())]
print([step(walk) for walk in walks])
table[9] = "nine"
print([step(walk) for walk in walks[::2]])
del table[9]
print([step(walk) for walk in walks])

for make, change in (
    (set, lambda s: s.add(99)),
    (deque, lambda d: d.append(99)),
    (OrderedDict.fromkeys, lambda o: o.update({99: 1})),
    (dict.fromkeys, lambda d: d.pop(1)),
):
    whole = make(range(4))
    walk = iter(whole)
    taken = [step(walk)]
    change(whole)
    taken.append(step(walk))
    taken.append(step(walk))
    print(make.__name__, taken)

line = deque(range(5))
walks = [iter(line), reversed(line)]
for turn in range(3):
    print([step(walk) for walk in walks])
    line[4 - turn] = "late"

ranked = OrderedDict((n, n * n) for n in range(6))
walks = [iter(ranked.items()), reversed(ranked.items()), iter(ranked.values()), reversed(ranked)]
for turn in range(7):
    print([step(walk) for walk in walks])
    ranked[turn % 6] += 100 * turn
print([step(walk) for walk in walks])

for key in (left := {"a": 1, "b": 2}):
    left[key * 2] = 3
