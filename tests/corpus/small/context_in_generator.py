"""with and try inside generators; a contextlib generator that is itself in a for; closing order."""
from contextlib import contextmanager


@contextmanager
def opened(name):
    print("open", name)
    try:
        yield [name]
    except LookupError as error:
        print("swallowed", error)
    finally:
        print("close", name)


def lines(names):
    for name in names:
        with opened(name) as found:
            try:
                for n in range(2):
                    yield found[0], n
            finally:
                print("done with", name)


for name, n in lines("ab"):
    print(name, n)
half = lines("cd")
print(next(half))
half.close()
for k in range(2):
    with opened(f"k{k}"):
        for name, n in lines("x"):
            if k:
                raise LookupError(name)
    print("after", k)
it = lines("ef")
print(next(it), next(it), next(it))
try:
    it.throw(RuntimeError("thrown"))
except RuntimeError as error:
    print(error)
