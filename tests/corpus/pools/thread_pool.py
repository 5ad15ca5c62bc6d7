"""``multiprocessing.pool.ThreadPool``: map, imap and results that are kept."""

from multiprocessing.pool import ThreadPool


def work(n):
    total = n
    for i in range(9000):
        total = (total * 31 + i) % 1000003
    return total


def main():
    with ThreadPool(2) as pool:
        kept = [pool.apply_async(work, (n,)) for n in range(4)]
        for turn in range(5):
            print("map", turn, pool.map(work, range(turn, turn + 12)), flush=True)
            for n, value in enumerate(pool.imap(work, range(turn, turn + 6))):
                print("imap", turn, n, value, flush=True)
        print("kept", [one.get() for one in kept])
    print("done", work(0))


if __name__ == "__main__":
    main()
