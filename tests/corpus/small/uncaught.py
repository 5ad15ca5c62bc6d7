"""An exception nobody catches: the traceback on standard error is that of plain Python."""
def inner(n):
    rows = [n, n - 1]
    return rows[0] / rows[1]


def outer():
    total = 0.0
    for n in (4, 3, 2, 1):
        total += inner(n)
        print(n, round(total, 3))
    return total


try:
    outer()
except ZeroDivisionError as error:
    print("first", error)
    raise RuntimeError("the job failed") from error
