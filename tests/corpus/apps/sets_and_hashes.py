"""The order of sets and the value of hash() of strings go on as they began."""
words = [f"w{i}" for i in range(400)]
live = set(words)
seen = 0
for turn in range(3000):
    for word in list(live):
        seen = (seen * 31 + hash(word)) % 2 ** 61
    live.add(f"t{turn}")
    live.discard(f"w{turn}")
    if turn % 400 == 0:
        print(turn, seen, sorted(live)[0], next(iter(live)), flush=True)
print(seen, hash(("a", 1)) % 1000, {"x", "y", "z"})
