"""Shortest ways and spanning trees in random graphs."""
import heapq
import math
import random


class Graph:
    def __init__(self, n, seed):
        rng = random.Random(seed)
        self.edges = {v: {} for v in range(n)}
        for v in range(n):
            for w in rng.sample(range(n), 6):
                if w != v:
                    self.edges[v][w] = self.edges[w][v] = rng.randint(1, 60)

    def ways(self, start):
        far = dict.fromkeys(self.edges, math.inf)
        far[start] = 0
        heap, before = [(0, start)], {}
        while heap:
            d, v = heapq.heappop(heap)
            if d > far[v]:
                continue
            for w, cost in self.edges[v].items():
                if (new := d + cost) < far[w]:
                    far[w], before[w] = new, v
                    heapq.heappush(heap, (new, w))
        return far, before

    def path(self, before, end):
        while end in before:
            yield end
            end = before[end]
        yield end


graph = Graph(900, 3)
total = 0
for start in range(0, 900, 2):
    far, before = graph.ways(start)
    end = max(far, key=far.get)
    total += sum(far.values())
    print(start, end, far[end], list(graph.path(before, end))[:5], total, flush=True)
