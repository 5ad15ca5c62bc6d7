"""Cache policies compared on one stream of requests."""
import random
from collections import Counter, OrderedDict, deque


class Lru:
    def __init__(self, size):
        self.size, self.held = size, OrderedDict()

    def ask(self, key):
        hit = key in self.held
        if hit:
            self.held.move_to_end(key)
        else:
            self.held[key] = True
            if len(self.held) > self.size:
                self.held.popitem(last=False)
        return hit


class Fifo:
    def __init__(self, size):
        self.queue, self.held, self.size = deque(), set(), size

    def ask(self, key):
        if key in self.held:
            return True
        if len(self.queue) == self.size:
            self.held.discard(self.queue.popleft())
        self.queue.append(key)
        self.held.add(key)
        return False


class Lfu:
    def __init__(self, size):
        self.size, self.uses, self.held = size, Counter(), {}

    def ask(self, key):
        self.uses[key] += 1
        if key in self.held:
            return True
        if len(self.held) >= self.size:
            del self.held[min(self.held, key=lambda k: (self.uses[k], k))]
        self.held[key] = True
        return False


rng = random.Random(12)
caches = {"lru": Lru(64), "fifo": Fifo(64), "lfu": Lfu(64)}
hits = Counter()
for n in range(1, 400001):
    key = int(rng.paretovariate(0.6)) % 600
    for name, cache in caches.items():
        hits[name] += cache.ask(key)
    if n % 25000 == 0:
        print(n, " ".join(f"{name}={hits[name] / n:.4f}" for name in caches), flush=True)
