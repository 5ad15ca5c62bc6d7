"""sys.exit with a code inside a finally, atexit functions in their order."""
import atexit
import sys

atexit.register(print, "registered first, runs last")


@atexit.register
def bye():
    print("bye", state)


state = 0
try:
    for i in range(4):
        state += i
        print("state", state)
        if i == 2:
            sys.exit(3)
finally:
    print("finally", state)
