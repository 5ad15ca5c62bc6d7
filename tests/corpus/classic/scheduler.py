"""A small operating system: tasks as generators, priorities, devices, packets."""
import heapq
from collections import deque


class Packet:
    def __init__(self, owner, work):
        self.owner = owner
        self.work = work
        self.trail = []


class Kernel:
    def __init__(self):
        self.ready = []
        self.boxes = {}
        self.clock = 0
        self.order = 0
        self.done = []

    def spawn(self, name, priority, behaviour):
        self.boxes[name] = deque()
        self.push(priority, name, behaviour(self, name))

    def push(self, priority, name, task):
        self.order += 1
        heapq.heappush(self.ready, (self.clock + priority, self.order, name, priority, task))

    def send(self, to, packet):
        packet.trail.append(to)
        self.boxes[to].append(packet)

    def run(self, limit):
        while self.ready and self.clock < limit:
            when, _, name, priority, task = heapq.heappop(self.ready)
            self.clock = max(self.clock, when)
            try:
                wish = task.send(None)
            except StopIteration as end:
                self.done.append((name, end.value))
                continue
            if wish == "idle":
                priority += 1
            self.push(priority, name, task)
            if self.order % 12000 == 0:
                print(self.clock, name, {n: len(b) for n, b in self.boxes.items()}, flush=True)


def producer(kernel, name):
    seed = 7
    for i in range(90000):
        seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
        kernel.send(("left", "right")[seed >> 16 & 1], Packet(name, seed % 9 + 1))
        yield "busy"
    return i


def handler(kernel, name):
    total = 0
    while True:
        box = kernel.boxes[name]
        if not box:
            yield "idle"
            continue
        packet = box.popleft()
        for unit in range(packet.work):
            total = (total * 31 + unit) % 1000003
            yield "busy"
        kernel.send("sink", packet)
        if total == 0:
            return total


def sink(kernel, name):
    seen = 0
    while True:
        while kernel.boxes[name]:
            seen += len(kernel.boxes[name].popleft().trail)
        if seen > 160000:
            return seen
        yield "idle"


kernel = Kernel()
for name, priority, behaviour in (("make", 2, producer), ("left", 1, handler), ("right", 1, handler), ("sink", 5, sink)):
    kernel.spawn(name, priority, behaviour)
kernel.run(4000000)
print(kernel.clock, kernel.order, kernel.done)
