"""The book: accounts and their sums."""
from collections import defaultdict


class Book:
    def __init__(self):
        self.sums = defaultdict(int)
        self.turnover = 0

    def add(self, entry):
        for account, amount in entry.parts():
            self.sums[account] += amount
            self.turnover += abs(amount)

    def balanced(self):
        return not sum(self.sums.values())

    def write(self, name):
        with open(name, "w") as target:
            for account in sorted(self.sums):
                print(account, self.sums[account], file=target)

    def __str__(self):
        return f"{self.turnover} {dict(sorted(self.sums.items()))}"
