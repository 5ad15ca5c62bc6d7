"""A JSON reader by hand, with errors that carry places; compared with the library's."""
import json
import random


class Bad(ValueError):
    def __init__(self, what, at):
        super().__init__(f"{what} at {at}")
        self.at = at


class Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def read(self):
        value = self.value()
        self.space()
        if self.at != len(self.text):
            raise Bad("rest", self.at)
        return value

    def space(self):
        while self.at < len(self.text) and self.text[self.at] in " \n\t":
            self.at += 1

    def value(self):
        self.space()
        c = self.text[self.at:self.at + 1]
        if c == "{":
            return dict(self.items("}", self.pair))
        if c == "[":
            return list(self.items("]", self.value))
        if c == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number()

    def items(self, end, element):
        self.at += 1
        while True:
            self.space()
            if self.text[self.at:self.at + 1] == end:
                self.at += 1
                return
            yield element()
            self.space()
            if self.text[self.at:self.at + 1] == ",":
                self.at += 1
            elif self.text[self.at:self.at + 1] != end:
                raise Bad("no end", self.at)

    def pair(self):
        key = self.string()
        self.space()
        if self.text[self.at] != ":":
            raise Bad("no colon", self.at)
        self.at += 1
        return key, self.value()

    def string(self):
        end = self.text.find('"', self.at + 1)
        if self.text[self.at] != '"' or end < 0:
            raise Bad("no string", self.at)
        piece, self.at = self.text[self.at + 1:end], end + 1
        return piece

    def number(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in "+-.0123456789e":
            self.at += 1
        try:
            word = self.text[start:self.at]
            return float(word) if "." in word or "e" in word else int(word)
        except ValueError as error:
            raise Bad("no value", start) from error


def make(rng, depth):
    kind = rng.randrange(7 if depth else 5)
    if kind == 5:
        return [make(rng, depth - 1) for _ in range(rng.randint(0, 6))]
    if kind == 6:
        return {f"k{i}": make(rng, depth - 1) for i in range(rng.randint(0, 6))}
    return [None, True, rng.randint(-999, 999), round(rng.random(), 6), "text"][kind]


rng = random.Random(14)
good = bad = 0
for n in range(1, 12001):
    thing = [make(rng, 5) for _ in range(4)]
    text = json.dumps(thing)
    if n % 5 == 0:
        cut = rng.randrange(len(text))
        text = text[:cut] + text[cut + 1:]
    try:
        good += Reader(text).read() == thing
    except (Bad, IndexError) as error:
        bad += getattr(error, "at", 1)
    if n % 600 == 0:
        print(n, good, bad, len(text), flush=True)
