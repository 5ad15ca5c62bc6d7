"""Exception groups, notes, except*, errors with attributes, assert, custom hierarchies."""
class Lost(Exception):
    def __init__(self, what, *, where):
        super().__init__(what)
        self.where = where

    def __str__(self):
        return f"{self.args[0]} in {self.where}"


def check(n):
    if n == 1:
        raise Lost("key", where="pocket")
    if n == 2:
        assert n > 5, f"{n} is small"
    if n == 3:
        return {}["gone"]
    return n


def everything():
    errors = []
    for n in range(4):
        try:
            check(n)
        except Exception as error:
            error.add_note(f"at {n}")
            errors.append(error)
    raise ExceptionGroup("several", errors)


try:
    try:
        everything()
    except* Lost as group:
        print("lost", [str(e) for e in group.exceptions])
        check(0)
    except* KeyError as group:
        print("key", group.exceptions[0].__notes__)
        raise ValueError("while handling")
except ExceptionGroup as rest:
    for error in rest.exceptions:
        print(type(error).__name__, error, getattr(error, "__notes__", None))
