"""Output without newlines, flushed and not, to both streams, through sys.stdout and print(file=)."""
import sys
from io import StringIO

buffer = StringIO()
for i in range(5):
    print(i, end=" ")
    sys.stdout.write(f"[{i}]")
    if i == 2:
        sys.stdout.flush()
    print("to err", i, file=sys.stderr)
    print(i * i, file=buffer, end=";")
print()
sys.stdout.buffer.write("bytes ü\n".encode())
sys.stdout.flush()
print(buffer.getvalue())
old, sys.stdout = sys.stdout, buffer
print("hidden")
sys.stdout = old
print(buffer.getvalue()[-7:-1], "é", "日本")
