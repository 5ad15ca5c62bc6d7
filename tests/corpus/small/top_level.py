"""Statements at module level, with loops of several kinds still running."""
total = 0
names = ["a", "b", "c"]
for i, name in enumerate(names):
    total += i * 10
    print(name, total)
for left, right in zip(names, (x * x for x in range(3))):
    total += right
    print(left, right)
for key, value in {"x": 1, "y": 2}.items():
    total -= value
    print(key, value, total)
while total > 20:
    total //= 2
print("end", total)
