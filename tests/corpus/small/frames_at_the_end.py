"""Frames that outlive the program: its hook and its exit function ask who called them."""
import atexit
import sys


def callers(frame):
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


def hook(kind, error, trace):
    print("hook", kind.__name__, callers(trace.tb_frame), callers(trace.tb_next.tb_frame))


@atexit.register
def later():
    def deep(n):
        return n and deep(n - 1)

    deep(40)
    print("later", [callers(frame) for frame in kept], callers(sys._getframe()))


def work(step):
    if step == 3:
        raise ValueError(step)
    return step


sys.excepthook = hook
kept = [sys._getframe()]
for step in range(5):
    print(work(step))
