"""Huffman codes built, used and undone; bit strings and a heap of tuples."""
import heapq
import random
from collections import Counter
from itertools import count


def tree(text):
    order = count()
    heap = [(n, next(order), symbol) for symbol, n in sorted(Counter(text).items())]
    heapq.heapify(heap)
    while len(heap) > 1:
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (a[0] + b[0], next(order), (a[2], b[2])))
    return heap[0][2]


def codes(node, prefix=""):
    if isinstance(node, str):
        yield node, prefix or "0"
    else:
        yield from codes(node[0], prefix + "0")
        yield from codes(node[1], prefix + "1")


def decode(bits, root):
    node = root
    for bit in bits:
        node = node[int(bit)]
        if isinstance(node, str):
            yield node
            node = root


rng = random.Random(5)
for round_ in range(200):
    text = "".join(rng.choices("abcdefghij ", weights=range(1, 12), k=6000))
    root = tree(text)
    table = dict(codes(root))
    bits = "".join(table[c] for c in text)
    back = "".join(decode(bits, root))
    print(round_, len(bits), back == text, sorted(table.items())[round_ % 11], flush=True)
