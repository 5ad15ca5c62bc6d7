"""A ``multiprocessing.Pool`` asked in every way, and two that follow each other."""

import multiprocessing

factor = 1


def prepare(value):
    global factor
    factor = value


def work(n):
    total = n
    for i in range(40000):
        total = (total * 31 + i) % 1000003
    return total * factor


def pair(a, b):
    return work(a) - work(b)


def main():
    noted = []
    with multiprocessing.Pool(2, prepare, (3,)) as pool:
        kept = [pool.apply_async(work, (n,), callback=noted.append) for n in range(6)]
        for turn in range(3):
            print("map", turn, pool.map(work, range(turn, turn + 20)), flush=True)
            for n, value in enumerate(pool.imap(work, range(turn, turn + 9))):
                print("imap", turn, n, value, flush=True)
            found = sorted(pool.imap_unordered(work, range(8), chunksize=3))
            print("unordered", turn, found, flush=True)
            print("starmap", turn, pool.starmap(pair, zip(range(6), range(3, 9))), flush=True)
        print("kept", [one.get() for one in kept], sorted(noted) == sorted(one.get() for one in kept))
        try:
            pool.apply(work, ("text",))
        except TypeError as error:
            print("error", error)
    pool = multiprocessing.Pool(2)
    last = pool.map_async(work, range(30), chunksize=1)
    pool.close()
    pool.join()
    print("last", last.get())


if __name__ == "__main__":
    main()
