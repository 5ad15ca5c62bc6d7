"""Comprehensions of every kind that call Python functions and close over names."""
def sq(x):
    y = x * x
    return y


k = 3
print([sq(i) + k for i in range(3)])
print({i: sq(i) for i in range(3) if sq(i) != 1})
print(sorted({sq(i - 1) for i in range(4)}))
print([[sq(i * j) for j in range(2)] for i in range(2)])
print(list(sq(i) for i in range(2)))


def local(n):
    base = n
    rows = [(lambda j=j: j + base) for j in range(n)]
    return [row() for row in rows] + [sq(w) for w in range(n) if (h := sq(w)) < base * 2] + [h]


print(local(2))


class Table:
    width = 2
    cells = [sq(c) for c in range(2)]


print(Table.cells)
