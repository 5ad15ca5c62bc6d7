"""Generators: never entered, suspended, running, delegating, sent to, thrown into, closed."""
def count(n):
    for i in range(n):
        got = yield i
        if got:
            print("got", got)


def both(n):
    result = yield from count(n)
    print("inner ended", result)
    yield from [100, 200]
    return "both"


def guarded():
    try:
        while True:
            try:
                x = yield "ready"
                print("x", x)
            except ValueError as error:
                print("caught", error)
    finally:
        print("closing")


never = count(3)
started = both(2)
print(next(started))
for value in both(2):
    print("value", value)
g = guarded()
print(next(g), g.send(5), g.throw(ValueError("v")))
g.close()
print(list(started), list(never))
total = sum(x * y for x in count(3) for y in (1, 2))
print(total, sorted(count(3), key=lambda v: -v))
