"""Stops while classes without __iter__ are iterated by their indexes, forward and backward."""
class Steps:
    def __init__(self, size):
        self.size = size
        self.asked = []

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        self.asked.append(index)
        if index >= self.size:
            raise IndexError(index)
        return index * index


steps = Steps(5)
forward, backward = iter(steps), reversed(steps)
print(next(forward), next(backward))
for value in steps:
    print(value, len(steps.asked))
print(next(forward), list(backward), next(backward, "over"))
done = iter(Steps(0))
print(next(done, "none"), next(done, "none"), [v for v in reversed(steps)], list(forward), steps.asked)
pairs = zip(iter(Steps(3)), reversed(Steps(3)))
for a, b in pairs:
    total = a + b
    print(total)
