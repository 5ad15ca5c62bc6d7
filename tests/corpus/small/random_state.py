"""Random sequences go on: the module's and own generators."""
import random

random.seed(4)
own = random.Random(9)
for i in range(5):
    a = random.random()
    b = own.randint(1, 100)
    print(f"{a:.6f} {b} {random.gauss(0, 1):.6f}")
deck = list(range(10))
random.shuffle(deck)
print(deck, random.choice(deck), own.sample(deck, 3))
