"""Library code in Python on the stack: json, textwrap, string.Template, configparser, heapq.merge."""
import configparser
import copy
import heapq
import json
import string
import textwrap
from collections import UserDict


class Loud(UserDict):
    def __setitem__(self, key, value):
        self.count = getattr(self, "count", 0) + 1
        super().__setitem__(key, value)


class Money:
    def __init__(self, n):
        self.n = n

    def __deepcopy__(self, memo):
        m = Money(self.n + 1)
        return m


def encode(o):
    value = {"n": o.n}
    return value


print(json.dumps({"a": [Money(1), Money(2)]}, default=encode, indent=1))
print(json.loads('{"a": 1, "b": {"c": 2}}', object_hook=lambda d: sorted(d)))
print(textwrap.fill("the quick brown fox " * 3, 24))
print(string.Template("$a-$b").substitute(Loud(a=1, b=2)))
config = configparser.ConfigParser()
config.read_string("[s]\nx = 1\ny = %(x)s2\n")
print(config["s"]["y"], copy.deepcopy([Money(4)])[0].n)
print(list(heapq.merge([1, 4], [2, 3], key=lambda v: v)))
