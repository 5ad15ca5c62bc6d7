"""A program that walks over its own names, with every kind of iterator, in both directions."""


def look(names):
    return [one if isinstance(one, str) else type(one).__name__ for one in names]


walks = {}
first = second = seen = None
for walks["name"] in list(globals()):
    first = walks["name"]
forward, backward = iter(globals().items()), reversed(globals())
seen = [next(forward)[0] for _ in range(4)] + [next(backward) for _ in range(3)]
for second in range(3):
    seen.append(next(forward)[0])
    seen.append(next(backward))
print(seen)
print(look(name for name, _ in forward))
print(look(backward), len(globals()))
print(sorted(one for one in globals() if not one.startswith("__")))
print(list(globals()) == list(vars(__import__("__main__"))), list(globals())[:3])
