"""Entries made up by a generator."""
import random
from dataclasses import dataclass


@dataclass
class Entry:
    source: str
    target: str
    amount: int

    def parts(self):
        yield self.source, -self.amount
        yield self.target, self.amount


def entries(seed, how_many):
    rng = random.Random(seed)
    names = ["cash", "rent", "food", "pay"]
    for _ in range(how_many):
        source, target = rng.sample(names, 2)
        yield Entry(source, target, rng.randint(1, 99))
