"""Is told to stop half-way, where that is possible."""

import builtins
import random


def tell(name):
    """Tell the harness, if there is one."""
    act = getattr(builtins, "tell_" + name, None)
    return act() if act is not None else False


def numbers():
    while True:
        yield random.random()


def main():
    log = []
    source = numbers()
    table = dict.fromkeys(range(5000))
    tell("begun")
    with open("out.txt", "w") as out:
        for step in range(40):
            if step == 10:
                tell("stop")
                for _ in range(getattr(builtins, "tell_turns", 0)):  # it may take its time
                    pass
            while True:
                try:
                    total = step * step
                    break
                except KeyboardInterrupt:
                    continue
            log.append(total + next(source))
            print(step, log[-1], len(table))
            print(step, total, file=out)
    print(sum(log))


random.seed(1)
main()
tell("ended")
raise SystemExit(3)
