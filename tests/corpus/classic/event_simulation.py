"""Customers, tills and a queue, driven by a heap of events with bound methods in it."""
import heapq
import itertools
import random


class Shop:
    def __init__(self, tills, seed):
        self.rng = random.Random(seed)
        self.free, self.line = tills, []
        self.events, self.order = [], itertools.count()
        self.now, self.served, self.waited = 0.0, 0, 0.0

    def at(self, delay, action, *args):
        heapq.heappush(self.events, (self.now + delay, next(self.order), action, args))

    def arrive(self, number):
        self.line.append((number, self.now))
        self.at(self.rng.expovariate(1.0), self.arrive, number + 1)
        self.serve()

    def serve(self):
        while self.free and self.line:
            self.free -= 1
            number, since = self.line.pop(0)
            self.waited += self.now - since
            self.at(self.rng.expovariate(0.34), self.leave, number)

    def leave(self, number):
        self.free += 1
        self.served += 1
        if self.served % 25000 == 0:
            print(self.served, number, f"{self.now:.3f} {self.waited / self.served:.6f} {len(self.line)}")
        self.serve()

    def run(self, until):
        self.at(0.0, self.arrive, 0)
        while self.served < until:
            self.now, _, action, args = heapq.heappop(self.events)
            action(*args)


shop = Shop(tills=3, seed=8)
shop.run(500000)
print(f"{shop.now:.6f} {shop.waited:.6f} {len(shop.events)}")
