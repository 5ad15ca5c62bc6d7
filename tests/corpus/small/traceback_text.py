"""Tracebacks printed by the program name its own files and lines only."""
import sys
import traceback


def deep(n):
    if n == 0:
        raise ValueError("deep")
    m = n - 1
    return 1 + deep(m)


for i in range(2):
    try:
        deep(i)
    except ValueError:
        text = traceback.format_exc()
        print(text.replace(__file__, "FILE"))
        frames = traceback.extract_tb(sys.exc_info()[2])
        print([(f.name, f.lineno) for f in frames])
try:
    deep(1)
except ValueError as error:
    kept = error
print(len(traceback.extract_tb(kept.__traceback__)))
