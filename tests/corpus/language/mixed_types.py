"""Many kinds of objects held and changed over a long loop, with aliases and cycles among them."""
import array
import collections
import datetime
import enum
import fractions
import io
import re
import string
import types
import weakref


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Node:
    __slots__ = ("__weakref__", "children", "name", "parent")

    def __init__(self, name, parent=None):
        self.name, self.parent, self.children = name, parent, []
        if parent:
            parent.children.append(self)


class Strange(dict):
    def __missing__(self, key):
        self[key] = value = len(self)
        return value


root = Node("root")
leaves = [Node(f"n{i}", root) for i in range(5)]
names = weakref.WeakValueDictionary((n.name, n) for n in leaves)
text, numbers = io.StringIO(), array.array("d", [0.0] * 8)
view = memoryview(numbers)
strange, window = Strange(), collections.deque(maxlen=6)
alias = [window, strange, window]
third = fractions.Fraction(1, 3)
word = re.compile(r"(?P<first>[a-z]+)-(\d+)")
box = types.SimpleNamespace(level=Level.LOW, when=datetime.datetime(2020, 1, 31, 23, 59))
method = window.append
bound = root.children.index
for n in range(700000):
    key = string.ascii_lowercase[n % 26] * (n % 3 + 1)
    m = word.match(f"{key}-{n}")
    strange[m["first"]] += n
    alias[0].append(int(m[2]) % 100)
    view[n % 8] += 0.5
    if n % 20000 == 0:
        third += fractions.Fraction(1, n + 7)
        box.level = Level(3 - box.level)
        box.when += datetime.timedelta(hours=7)
        text.write(f"{n};")
        method(-1)
        leaf = names[f"n{n % 5}"]
        print(n, list(window), box.level.name, box.when, third.denominator % 97, numbers.tolist()[:3],
              bound(leaf), leaf.parent is root, alias[2] is window, len(text.getvalue()), flush=True)
print(sorted(strange.items())[:4], len(names), isinstance(window, collections.deque))
