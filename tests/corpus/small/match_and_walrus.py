"""match statements, walrus, chained comparison, star unpacking, del, assert, loop else."""
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int = 0


def kind(v):
    match v:
        case Point(x=0, y=y):
            return f"on axis {y}"
        case Point(x, y) if x == y:
            return "diagonal"
        case [first, *rest]:
            return f"list {first} {rest}"
        case {"k": k, **others}:
            return f"dict {k} {others}"
        case str() | bytes():
            return "text"
        case _:
            return "other"


for v in (Point(0, 4), Point(2, 2), [1, 2, 3], {"k": 1, "z": 2}, "s", 5):
    print(kind(v))
while (n := len(v) if isinstance(v, str) else 3) and v != "stop":
    v = "stop"
else:
    print("else", n)
for i in range(3):
    if i > 5:
        break
else:
    print("no break")
x, *y, z = range(5)
del x
assert y == [1, 2, 3], y
print(y, z, 1 < z < 9 != 3)
