"""What a program sees of its own stack: nothing below its outermost frame, and all levels of it."""

import inspect
import sys
import traceback
import warnings


def look():
    try:
        sys._getframe(2)
    except ValueError as error:
        print(error)
    traceback.print_stack(file=sys.stdout)
    warnings.warn("from far below", stacklevel=5)
    return len(inspect.stack())


def deep(n):
    levels[0] = n
    deep(n + 1)


class Last:
    def __del__(self):
        print("deleted", len(inspect.stack()))


levels = [0]
print(len(inspect.stack()), sys._getframe().f_back)
print([look() for _ in range(2)][-1] - len(inspect.stack()))
try:
    deep(1)
except RecursionError:
    print(levels)
last = Last()
for name in ("once", "again"):
    print(name, look(), sys._getframe().f_back)
