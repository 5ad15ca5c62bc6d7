"""Thread pools: idle and busy, results in order, a future that fails, work that submits work."""

import concurrent.futures as futures


def collatz(start):
    length, number = 1, start
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        length += 1
    return length


def block(first):
    return max((collatz(start), start) for start in range(first, first + 600))


def fails(number):
    raise ValueError(f"no {number}")


with futures.ThreadPoolExecutor(max_workers=3, thread_name_prefix="pool") as pool:
    for first, best in zip(range(1, 24000, 600), pool.map(block, range(1, 24000, 600))):
        print(first, best)
    broken = pool.submit(fails, 7)
    try:
        broken.result()
    except ValueError as error:
        print("failed:", error)
    chained = [pool.submit(lambda n: pool.submit(collatz, n), n) for n in range(97, 103)]
    print([future.result().result() for future in chained])
print(broken.done(), broken.exception())

idle = futures.ThreadPoolExecutor(max_workers=2)
print(idle.submit(sum, [1, 2, 3]).result())
print(block(30000))
done, waiting = futures.wait([idle.submit(block, n) for n in (40000, 50000, 60000)])
print(sorted(future.result() for future in done), len(waiting))
