"""Many kinds of state; takes versions while the capture around it fails. Ends with code 7."""

import atexit
import builtins
import collections
import functools
import itertools
import os
import queue
import random
import re
import sys
import tempfile
import threading
import weakref


def tell(name):
    """Tell the harness, if there is one."""
    act = getattr(builtins, "tell_" + name, None)
    return act() if act is not None else False


class Thing:
    __slots__ = ("__dict__", "__weakref__", "name", "other")

    def __init__(self, name):
        self.name, self.other = name, None

    def __eq__(self, other):
        return self.name == other.name

    def __hash__(self):
        return hash(self.name)


def numbers(seed):
    rng = random.Random(seed)
    while True:
        yield rng.random()


@functools.lru_cache(None)
def square(x):
    return x * x


def take():
    """Go on calmly while versions are taken; a Ctrl-C meant for us is one for the program."""
    while True:
        try:
            tell("ask")
            while tell("busy"):
                sum(k * k for k in range(50))
            return
        except KeyboardInterrupt:
            continue


def work(step, held):
    things = {Thing(k): k for k in range(5)}
    first, second = Thing("a"), Thing("b")
    first.other, second.other = second, first
    pairs = itertools.islice(zip(numbers(step), itertools.cycle("ab")), 6)
    total = 0.0
    for value, letter in pairs:
        total += value + square(step) + held["table"][step]
        held["block"][int(value * 8000)] = ord(letter)
        take()
        if value > 0.5:
            break
    held["log"].append((step, letter, next(held["count"])))
    return total + len(things)


def main():
    block = bytearray(300_000)
    held = {
        "table": list(range(6000)), "block": block, "log": collections.deque(maxlen=9),
        "count": itertools.count(3), "pattern": re.compile("a+"), "lock": threading.RLock(),
        "lost": os.popen("true"), "view": memoryview(block)[5:900], "queue": queue.Queue(),
        "ordered": collections.OrderedDict.fromkeys("dcba"), "odd": {frozenset("ab"), 3 + 4j},
        "bound": "x".join, "partial": functools.partial(work, 3), "made": type("Made", (), {}),
        "error": ValueError("kept"),
    }  # fmt: skip
    held["weak"] = weakref.ref(held["made"])
    held["lost"].close()
    tell("begun")
    with open("out.txt", "w") as out, tempfile.TemporaryFile("w+") as passing:
        for step in range(2):
            total = work(step, held)
            print(step, total, random.random())
            print(step, total, file=out)
            print(step, file=passing)
            with open("appended.txt", "a") as more:
                more.write(f"{step}\n")
    print(sorted(held), sum(block), held["view"][3], held["log"])
    os.rename("appended.txt", "renamed.txt")


def last():
    print("last")
    sys.stdout.flush()


random.seed(5)
atexit.register(last)
waiting = threading.Thread(target=threading.Event().wait, daemon=True)
waiting.start()
unflushed = open("unflushed.txt", "w")  # noqa: SIM115  the interpreter closes it
unflushed.write("written at the end\n")
main()
tell("ended")
raise SystemExit(7)
