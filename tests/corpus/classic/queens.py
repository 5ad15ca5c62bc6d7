"""All placements of twelve queens, by a recursive generator."""
def place(n, row=0, columns=0, left=0, right=0):
    if row == n:
        yield ()
        return
    for column in range(n):
        c, d, e = 1 << column, 1 << (row + column), 1 << (row - column + n)
        if columns & c or left & d or right & e:
            continue
        for rest in place(n, row + 1, columns | c, left | d, right | e):
            yield (column, *rest)


found = 0
for solution in place(12):
    found += 1
    if found % 800 == 0:
        print(found, "".join(map(str, solution)), flush=True)
print(found)
