"""with: classes, contextlib generators, several at once, suppressing, ExitStack."""
from contextlib import ExitStack, closing, contextmanager, suppress


class Room:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        print("enter", self.name)
        return self

    def __exit__(self, kind, value, trace):
        print("exit", self.name, kind and kind.__name__)
        return kind is LookupError

    def close(self):
        print("close", self.name)


@contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield name.upper()
    finally:
        print(f"</{name}>")


with Room("a") as a, tag("b") as b:
    print(a.name, b)
    with Room("c"):
        raise LookupError("kept inside")
    print("after c")
with suppress(ZeroDivisionError), tag("d"):
    x = 1
    print(x // 0)
with ExitStack() as stack:
    for n in "ef":
        stack.enter_context(Room(n))
    stack.callback(print, "callback")
    stack.enter_context(closing(Room("g")))
    print("in the stack")
print("end")
