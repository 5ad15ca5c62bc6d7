"""A job that computes for long and fails on its last line, as a user's does."""
import random


class Model:
    def __init__(self, n):
        rng = random.Random(n)
        self.rows = [(rng.random(), rng.random()) for _ in range(n)]
        self.slope, self.offset = 0.0, 0.0

    def fit(self, rounds):
        rate = 0.05
        for r in range(rounds):
            grad = [0.0, 0.0]
            for x, y in self.rows:
                miss = self.slope * x + self.offset - y
                grad[0] += miss * x
                grad[1] += miss
            self.slope -= rate * grad[0] / len(self.rows)
            self.offset -= rate * grad[1] / len(self.rows)
            if r % 1000 == 0:
                print(r, f"{self.slope:.9f} {self.offset:.9f}", flush=True)

    def save(self, name):
        with open(name, "w") as target:
            target.write(f"{self.slope} {self.offset}\n")


model = Model(400)
model.fit(20000)
model.save("no/such/folder/result.txt")
