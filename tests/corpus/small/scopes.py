"""global in three scopes, class scope, super() without arguments, __class__, names deleted and made anew."""
level = "module"


def set_it():
    global level, fresh
    level = "function"
    fresh = 1

    def deeper():
        global level
        level += "+deeper"
        return level
    return deeper()


class Base:
    def hello(self):
        return ["base"]


class Middle(Base):
    level = "class"

    def hello(self):
        said = super().hello()
        said.append(__class__.__name__)
        return said

    def seen(self):
        return level


class Last(Middle):
    def hello(self):
        return super().hello() + [h for h in super().hello()]


print(set_it(), level, fresh)
print(Last().hello(), Last().seen(), Middle.level)
del fresh
try:
    fresh
except NameError as error:
    print(error)
for name in ("level", "fresh"):
    print(name, name in globals())
values = {}
exec("a = 1\nfor i in range(3):\n    a += i\n", values)
print(values["a"], eval("a * level2", values, {"level2": 5}))
print(sorted(k for k in globals() if not k.startswith("__")))
