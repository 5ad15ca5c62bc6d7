"""try, except, else and finally: at each point inside them, in loops, nested, with re-raise."""
import sys


def step(n):
    print("step", n)
    if n % 3 == 1:
        raise ValueError(f"bad {n}")
    if n % 3 == 2:
        raise KeyError(n)
    return n


def run(n):
    out = []
    try:
        out.append("try")
        try:
            step(n)
            out.append("after")
        except KeyError as inner:
            out.append(repr(inner))
            step(0)
        else:
            out.append("else")
            step(3)
        finally:
            out.append("finally")
            step(6)
    except ValueError as error:
        out.append(str(error))
        try:
            step(2)
        except KeyError:
            out.append(type(sys.exc_info()[1].__context__).__name__)
        print(sys.exc_info()[0].__name__)
    return out


for n in range(3):
    print(run(n), sys.exc_info())
