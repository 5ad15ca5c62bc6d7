"""Stops inside modules that are being imported, by each way of importing."""
import importlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "apps"))


def load():
    from shared.slow_start import Settings, total

    return Settings.values, total()


print(load())
from shared import slow_tables

again = importlib.reload(slow_tables)
print(again is slow_tables, again.BASE)
del sys.modules["shared.slow_tables"], sys.modules["shared.slow_start"]
third = importlib.import_module("shared.slow_tables")
fourth = __import__("shared.slow_start", fromlist=["total"])
print(third is again, third.BASE, fourth.total(), fourth.slow_tables is third)
