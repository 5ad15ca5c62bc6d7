"""A pool of processes asked again and again: map in flight, futures kept, idle in between."""

from concurrent.futures import ProcessPoolExecutor, as_completed

scale = None


def prepare(value):
    global scale
    scale = value


def work(n):
    total = n
    for i in range(60000 + 1000 * (n % 7)):
        total = (total * 31 + i) % 1000003
    return total * scale


def idle(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def main():
    with ProcessPoolExecutor(2, initializer=prepare, initargs=(3,)) as pool:
        kept = [pool.submit(work, n) for n in range(5)]
        for turn in range(4):
            found = list(pool.map(work, range(turn * 10, turn * 10 + 10)))
            print("map", turn, found, flush=True)
            print("idle", idle(200000), flush=True)
        asked = {pool.submit(work, n): n for n in range(12)}
        print("completed", sorted((asked[one], one.result()) for one in as_completed(asked)))
        print("kept", [one.result() for one in kept], all(one.done() for one in kept))
        failing = pool.submit(work, "text")
        print("error", type(failing.exception()).__name__)
        last = [pool.submit(work, n) for n in range(100, 120)]
    print("after", [one.result() for one in last])
    try:
        pool.submit(work, 1)
    except RuntimeError as error:
        print(error)


if __name__ == "__main__":
    main()
