"""Objects of the standard library held while statements run."""
import re
import struct
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, getcontext
from enum import Enum, Flag, auto
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

Point = namedtuple("Point", "x y")


class Colour(Enum):
    RED = 1
    BLUE = 2


class Right(Flag):
    READ = auto()
    WRITE = auto()


getcontext().prec = 12
pattern = re.compile(r"(\w)(\d)")
match = pattern.search("--a1--")
view = memoryview(bytearray(b"abcdef"))[1:4]
packer = struct.Struct("<if")
when = datetime(2024, 2, 29, tzinfo=timezone.utc)
proxy = MappingProxyType({"k": 1})
box = SimpleNamespace(a=1)
table = defaultdict(list)
queue = deque([1, 2, 3], maxlen=3)
words = Counter("banana")
ordered = OrderedDict(a=1, b=2)
total = Decimal(1)
half = Fraction(1, 2)
for i in range(3):
    total /= Decimal(3)
    half += Fraction(1, i + 3)
    table[i % 2].append(Point(i, i * i))
    queue.append(i + 10)
    when += timedelta(days=1)
    box.a += i
    words.update("nn")
    view[0] = 65 + i
    print(i, total, half, match.group(2), bytes(view), packer.pack(i, 0.5))
ordered.move_to_end("a")
print(dict(table), queue, when.isoformat(), box, words.most_common(1), list(ordered), proxy["k"])
print(Colour.RED is Colour(1), Right.READ | Right.WRITE, date(2024, 1, 1), Path("a") / "b")
print(uuid.UUID(int=5), 2 ** 200, -7 // 2, complex(1, 2) * 1j, frozenset([1]), slice(1, 2), b"\x00")
