"""Recursion with pending work in every caller; mutual recursion."""
def depth(n):
    if n == 0:
        print("bottom")
        return 1
    before = n * 2
    result = before + depth(n - 1) * 2 - n
    print("back", n, result)
    return result


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def permute(xs):
    if len(xs) <= 1:
        yield xs
        return
    for i, x in enumerate(xs):
        for rest in permute(xs[:i] + xs[i + 1:]):
            yield [x] + rest


print(depth(4), even(5))
for p in permute([1, 2, 3]):
    print(p)
