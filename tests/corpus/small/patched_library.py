"""Functions, classes and attributes of the standard library that the program has replaced in place."""
import json
import pathlib
import random
import sys
import textwrap

plain_dumps = json.dumps


def dumps(value, **options):
    text = plain_dumps(value, sort_keys=True, **options)
    calls.append(len(text))
    return text


class Folder(pathlib.PurePosixPath):
    def shout(self):
        name = self.name.upper()
        return name


class Fixed(random.Random):
    def random(self):
        return 0.5


calls = []
json.dumps = dumps
pathlib.Folder = Folder
pathlib.Path.shout = lambda self: self.name.title()
sys.mine = calls
random.choice = Fixed().choice
textwrap.TextWrapper.extra = ["kept"]
for i in range(3):
    print(json.dumps({"b": i, "a": [i]}), sys.mine is calls, len(calls))
    textwrap.TextWrapper.extra.append(i)
print(pathlib.Folder("a/b.txt").shout(), pathlib.Path("c/d.txt").shout(), type(pathlib.Folder("x")).__name__)
print(random.choice("abcd"), textwrap.TextWrapper().extra, calls)
json.dumps = plain_dumps
del pathlib.Path.shout, sys.mine
print(json.dumps({"b": 1, "a": 2}), hasattr(pathlib.Path("e"), "shout"), hasattr(sys, "mine"))
