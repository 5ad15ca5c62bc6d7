"""Imports in functions, after work, by name; module attributes patched; modules held as values."""
def area(r):
    import math
    return round(math.pi * r * r, 3)


def pick(name):
    module = __import__(name)
    return module


total = 0
for r in (1, 2):
    total += area(r)
    print(r, total)
import calendar
from string import ascii_letters as letters
calendar.MARK = "patched"
mods = [pick("bisect"), pick("colorsys")]
for mod in mods:
    print(mod.__name__, letters[:3], calendar.MARK)
insort = mods[0].insort
row = [1, 5]
insort(row, 3)
print(row, calendar.monthrange(2024, 2), calendar.MARK)
