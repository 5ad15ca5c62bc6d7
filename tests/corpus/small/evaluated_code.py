"""Stops inside eval and exec: an expression's value must come back, a module's names be bound."""
def make(text):
    made = eval(text, {"limit": 3, "helper": helper})
    return made


def helper(n):
    total = 0
    for i in range(n):
        total += i
    return total


print(make("helper(limit) + helper(4)"), make("[helper(k) for k in range(limit)]"))
print(make("lambda x: (helper(x), limit)")(5), make("(helper(2),\n limit,\n helper(3))"))
space = {"helper": helper}
exec("a = helper(3)\nb = [helper(i) for i in (1, 2)]\ndef later(z):\n    return z + a\n", space)
print(space["a"], space["b"], space["later"](4), eval("a + later(helper(3))", space))
code = compile("helper(6) if helper(1) == 0 else None", "<made>", "eval")
print(eval(code), eval(code, {"helper": lambda n: n}))
