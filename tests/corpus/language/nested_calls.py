"""Long-running calls in the middle of expressions, arguments and displays, three functions deep."""
def work(n, salt):
    value = salt
    for i in range(n):
        value = (value * 48271 + i) % 2147483647
    return value


class Static:
    @staticmethod
    def join(a, b, *, c):
        return work(2000, a) + work(1000, b) * c


def third(x):
    return work(3000, x) % 97 + work(500, x + 1) % 89


def second(x):
    pair = (third(x), [third(x + 1), {"k": third(x + 2)}])
    return pair[0] * 2 - pair[1][0] + pair[1][1]["k"]


def first(x):
    return 1 + second(x) * 2 - Static.join(second(x + 5), x, c=third(x)) // (1 + third(x + 9))


for turn in range(160):
    text = f"{turn:>3} {first(turn)} {second(turn) if third(turn) % 2 else -second(turn)}"
    if turn % 10 == 0 or third(turn) < 30 < second(turn) < 900:
        print(text, flush=True)
