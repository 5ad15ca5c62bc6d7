"""A function's helper object that nothing can carry: it is gone a few lines later."""

import zlib


def packed(text):
    packer = zlib.compressobj()
    head = packer.compress(text)
    tail = packer.flush()
    return len(head + tail)


total = 0
for size in (10, 1000):
    total += packed(b"dart" * size)
    print(size, total)
