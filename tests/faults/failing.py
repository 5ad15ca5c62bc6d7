"""Fails at the end, after a version; the failure is kept, and shown as ever."""

import builtins


def tell(name):
    """Tell the harness, if there is one."""
    act = getattr(builtins, "tell_" + name, None)
    return act() if act is not None else False


class Account:
    def __init__(self):
        self.rows = {"a": 1}

    def look(self, key):
        return self.rows[key]


def main(account):
    for key in "ab":
        print(key, account.look(key))
        while True:
            try:
                tell("ask")
                while tell("busy"):
                    sum(k * k for k in range(50))
                break
            except KeyboardInterrupt:
                continue


out = open("out.txt", "w")  # noqa: SIM115  the interpreter closes it
out.write("x\n")
tell("begun")
try:
    main(Account())
finally:
    tell("ended")
