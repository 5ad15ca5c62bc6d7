"""Many small trees built, checked and dropped; one long-lived tree."""
def make(depth):
    if depth == 0:
        return (None, None)
    return make(depth - 1), make(depth - 1)


def check(tree):
    left, right = tree
    return 1 if left is None else 1 + check(left) + check(right)


def main(deepest):
    long_lived = make(deepest)
    for depth in range(4, deepest + 1, 2):
        rounds = 2 ** (deepest - depth + 4)
        found = 0
        for _ in range(rounds):
            found += check(make(depth))
        print(rounds, "trees of depth", depth, "check", found, flush=True)
    print("long lived", check(long_lived))


main(15)
