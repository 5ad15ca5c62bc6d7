"""Arguments that an iterator gives one by one while a call is being made."""


def shown(n):
    print("shown", n)
    return n


def gather(*given, k=0, **named):
    total = sum(given)
    return given, k, named, total


print(gather(*map(shown, (1, 2)), **{"e": shown(4)}))
print(gather(*map(shown, (1, 2))))
print(max(*map(shown, (1, 2))), list(zip(*map(shown, ("ab", "cd")))))
print(gather(*(shown(i) for i in range(2)), k=3))
pairs = [(1, 2), (3, 4)]
print(gather(*pairs[0]), gather(*pairs[1], **{"z": 1}))
