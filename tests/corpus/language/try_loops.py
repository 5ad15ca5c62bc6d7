"""try, except, else and finally in nested loops with live iterators, and long work at each point."""
class Soft(Exception):
    pass


class Hard(Exception):
    pass


def work(n):
    v = 0
    for i in range(n):
        v = (v * 31 + i) % 10007
        if i == n - 1 and n % 7 == 3:
            raise Soft(v)
        if i == n - 1 and n % 11 == 5:
            raise Hard(v)
    return v


counts = dict.fromkeys(["try", "soft", "hard", "else", "finally", "again", "nested"], 0)


def one(n):
    while True:
        try:
            counts["try"] += work(n)
        except Soft as soft:
            counts["soft"] += work(700)
            try:
                work(703)
            except Soft:
                counts["nested"] += soft.args[0]
                n += 1
                continue
            except Hard as hard:
                counts["nested"] += hard.args[0] * 2
                raise
        except Hard:
            counts["hard"] += work(701) if n % 2 else 1
            raise
        else:
            counts["else"] += work(702)
            return n
        finally:
            counts["finally"] += work(704)


for block in range(400):
    for n in (400 + block * 3, 500 + block * 5, 600 + block * 7):
        for again in range(2):
            try:
                counts["again"] += one(n + again)
            except (Soft, Hard) as error:
                counts["again"] -= error.args[0]
    if block % 20 == 0:
        print(block, counts, flush=True)
