"""Pancake flips over all permutations."""
def fannkuch(n):
    perm1 = list(range(n))
    count = list(range(1, n + 1))
    best, checksum, r, seen = 0, 0, n, 0
    while True:
        if perm1[0] != 0 and perm1[-1] != n - 1:
            perm = perm1[:]
            flips = 0
            k = perm[0]
            while k:
                perm[:k + 1] = perm[k::-1]
                flips += 1
                k = perm[0]
            if flips > best:
                best = flips
                print("best", best, perm1)
            checksum += flips if seen % 2 == 0 else -flips
        r = 1
        while True:
            if r == n:
                return best, checksum, seen
            first = perm1.pop(0)
            perm1.insert(r, first)
            count[r] -= 1
            if count[r] > 0:
                break
            count[r] = r + 1
            r += 1
        seen += 1
        if seen % 40000 == 0:
            print(seen, checksum, flush=True)


print(fannkuch(9), fannkuch(8), fannkuch(9))
