"""Foxes and rabbits on a torus: objects that move, eat, breed and die; shared grid."""
import random
from dataclasses import dataclass, field

rng = random.Random(77)
SIZE = 30


@dataclass(eq=False)
class Animal:
    x: int
    y: int
    energy: int = 6
    age: int = field(default=0, repr=False)

    def move(self, world):
        self.age += 1
        self.x = (self.x + rng.choice((-1, 0, 1))) % SIZE
        self.y = (self.y + rng.choice((-1, 0, 1))) % SIZE
        self.energy -= 1
        self.eat(world)
        return self.energy > 0

    def child(self):
        self.energy //= 2
        return type(self)(self.x, self.y, self.energy)


class Rabbit(Animal):
    def eat(self, world):
        if world.grass[self.x][self.y] >= 3:
            world.grass[self.x][self.y] = 0
            self.energy = min(12, self.energy + 4)


class Fox(Animal):
    def eat(self, world):
        prey = world.at.get((self.x, self.y))
        if prey:
            victim = prey.pop()
            victim.energy = -1
            self.energy = min(30, self.energy + 9)


class World:
    def __init__(self):
        self.grass = [[rng.randint(0, 4) for _ in range(SIZE)] for _ in range(SIZE)]
        self.rabbits = [Rabbit(rng.randrange(SIZE), rng.randrange(SIZE)) for _ in range(150)]
        self.foxes = [Fox(rng.randrange(SIZE), rng.randrange(SIZE), 12) for _ in range(20)]
        self.at = {}

    def step(self):
        for row in self.grass:
            for j, g in enumerate(row):
                row[j] = min(g + 1, 6)
        self.rabbits = [r for r in self.rabbits if r.move(self)]
        self.rabbits += [r.child() for r in self.rabbits if r.energy > 9]
        self.at = {}
        for rabbit in self.rabbits:
            self.at.setdefault((rabbit.x, rabbit.y), []).append(rabbit)
        self.foxes = [f for f in self.foxes if f.move(self)]
        self.foxes += [f.child() for f in self.foxes if f.energy > 20]
        self.rabbits = [r for r in self.rabbits if r.energy >= 0]


world = World()
with open("population.csv", "w") as table:
    table.write("step,rabbits,foxes,grass\n")
    for step in range(1800):
        world.step()
        row = (step, len(world.rabbits), len(world.foxes), sum(map(sum, world.grass)))
        table.write(",".join(map(str, row)) + "\n")
        if step % 100 == 0:
            print(*row, flush=True)
print(world.rabbits[:2], world.foxes[:2])
