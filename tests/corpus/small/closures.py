"""Closures that share cells, nonlocal and global, functions made in loops."""
count = 0


def counter(start):
    value = start

    def up(by=1):
        nonlocal value
        global count
        count += 1
        value += by
        return value

    def get():
        return value

    return up, get


up, get = counter(10)
makers = []
for k in range(3):
    def make(n, k=k):
        return lambda: (n, k, count)
    makers.append(make(k * 2))
    up(k)
    print(get(), count)
print([m() for m in makers])


def middle(x):
    def inner(y):
        nonlocal x
        x = x * y
        return x + up()
    return inner(2) + inner(3) * x


print(middle(1), get(), count)
