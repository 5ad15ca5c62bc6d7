"""One-way constraints that keep a plan: strengths, propagation, chains that are changed."""
class Variable:
    def __init__(self, name, value=0):
        self.name, self.value = name, value
        self.users = []
        self.by = None


class Constraint:
    def __init__(self, strength, *inputs, output):
        self.strength, self.inputs, self.output = strength, inputs, output
        for variable in inputs:
            variable.users.append(self)

    def apply(self):
        old = self.output.value
        self.output.value = self.compute(*(v.value for v in self.inputs))
        self.output.by = self
        return old != self.output.value

    def compute(self, x):
        return x


class Scale(Constraint):
    def __init__(self, strength, source, scale, offset, output):
        super().__init__(strength, source, scale, offset, output=output)

    def compute(self, x, k, b):
        return (x * k + b) % 9973


class Planner:
    def __init__(self):
        self.steps = 0

    def change(self, variable, value):
        variable.value = value
        wave = [variable]
        while wave:
            first = wave.pop(0)
            for user in sorted(first.users, key=lambda c: c.strength):
                self.steps += 1
                if user.apply():
                    wave.append(user.output)


planner = Planner()
chain = [Variable(f"v{i}") for i in range(60)]
for left, right in zip(chain, chain[1:]):
    Constraint(1, left, output=right)
scale, offset = Variable("scale", 3), Variable("offset", 7)
scaled = [Variable(f"s{i}") for i in range(30)]
for source, out in zip(chain[::2], scaled):
    Scale(2, source, scale, offset, out)
for round_ in range(12000):
    planner.change(chain[0], round_ * 17 % 1009)
    if round_ % 400 == 0:
        planner.change(scale, round_ % 11 + 1)
        print(round_, planner.steps, chain[-1].value, sum(s.value for s in scaled), flush=True)
