"""Long work inside with: own classes, contextlib generators, ExitStack, locks, redirect_stdout."""
import contextlib
import io
import threading


class Timer:
    open_now = 0

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        Timer.open_now += 1
        return self

    def __exit__(self, kind, value, trace):
        Timer.open_now -= 1
        work(300)
        return kind is KeyError


def work(n):
    v = 1
    for i in range(n):
        v = v * 16807 % 2147483647
    return v


@contextlib.contextmanager
def section(name, log):
    log.append(f"+{name}")
    try:
        yield work(200)
        work(100)
    except ValueError as error:
        log.append(f"!{error}")
    finally:
        work(100)
        log.append(f"-{name}")


lock = threading.RLock()
log = []
for turn in range(2200):
    hidden = io.StringIO()
    with Timer("a") as timer, section(turn, log) as value, lock, contextlib.redirect_stdout(hidden):
        print("hidden", turn)
        v = work(1500)
        with contextlib.suppress(ZeroDivisionError), Timer("b"):
            work(400)
            if turn % 3 == 0:
                v //= turn % 2
            if turn % 5 == 0:
                raise KeyError(turn)
        if turn % 4 == 0:
            raise ValueError(turn)
    with contextlib.ExitStack() as stack:
        entered = [stack.enter_context(Timer(n)) for n in "xyz"]
        stack.callback(log.append, "called")
        work(500)
    if turn % 100 == 0:
        print(turn, v, Timer.open_now, log[-4:], hidden.getvalue().strip(), flush=True)
print(len(log))
