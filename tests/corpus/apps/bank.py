"""Accounts, transfers, interest, errors of one's own; Decimal, dates, properties, a ledger file."""
import argparse
import random
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

CENT = Decimal("0.01")


class OverdrawnError(Exception):
    def __init__(self, account, amount):
        super().__init__(f"{account.name} lacks {amount - account.balance}")
        self.account = account


class Account:
    def __init__(self, name, opening):
        self.name = name
        self._entries = [opening]

    @property
    def balance(self):
        return sum(self._entries, Decimal(0))

    def post(self, amount):
        if self.balance + amount < 0:
            raise OverdrawnError(self, -amount)
        self._entries.append(amount)
        if len(self._entries) > 50:
            self._entries = [self.balance]


class Bank:
    def __init__(self, names, rng):
        self.accounts = {n: Account(n, Decimal(rng.randint(100, 900))) for n in names}
        self.failed = 0

    def transfer(self, source, target, amount):
        a, b = self.accounts[source], self.accounts[target]
        a.post(-amount)
        try:
            b.post(amount)
        except OverdrawnError:
            a.post(amount)
            raise

    def interest(self, rate):
        with localcontext() as context:
            context.rounding = ROUND_HALF_EVEN
            context.prec = 9
            for account in self.accounts.values():
                gain = (account.balance * rate / 365).quantize(CENT)
                if gain:
                    account.post(gain)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--days", type=int, default=10)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    names = ["ann", "bob", "cy", "dee", "eve"]
    bank, day = Bank(names, rng), date(2023, 12, 20)
    for _ in range(options.days):
        for _ in range(60):
            source, target = rng.sample(names, 2)
            amount = Decimal(rng.randint(1, 40000)) / 100
            try:
                bank.transfer(source, target, amount)
            except OverdrawnError as error:
                bank.failed += 1
                last = str(error)
        bank.interest(Decimal("0.031"))
        with open("ledger.txt", "a") as ledger:
            print(day, *(a.balance for a in bank.accounts.values()), file=ledger)
        if day.day == 1:
            print(day.isoformat(), bank.failed, last, flush=True)
        day += timedelta(days=1)
    print({n: str(a.balance) for n, a in bank.accounts.items()})


main()
