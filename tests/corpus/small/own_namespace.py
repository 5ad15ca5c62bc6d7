"""The program's own module held as a value, its dictionary, functions that hold them, in cycles."""
import __main__
import sys

here = sys.modules["__main__"]
space = globals()
level = [1]


def touch(key):
    space[key] = space.get(key, 0) + 1
    made = space[key]
    return made


class Holder:
    module = here
    names = vars(here)

    def __init__(self):
        self.call = touch
        self.back = [self, space]

    def same(self):
        checks = [self.module is __main__, self.names is globals(), self.call.__globals__ is space]
        checks.append(self.back[0] is self and self.back[1]["holder"] is self)
        return all(checks)


touch.owner = here
holder = Holder()
here.cycle = [here, holder, touch]
for i in range(3):
    print(touch("counter"), __main__.counter, here.counter, holder.same())
print(cycle[0].level is level, cycle[2] is touch.owner.touch, sys.modules[__name__] is here)
del here.cycle
print("cycle" in space, hasattr(__main__, "cycle"))
