"""Workers that are spawned, not forked, and replaced after a few tasks."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def work(n):
    total = n
    for i in range(80000):
        total = (total * 31 + i) % 1000003
    return total


def main():
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(2, mp_context=spawn, max_tasks_per_child=20)
    total = 0
    for turn in range(6):
        for value in pool.map(work, range(turn, turn + 8), chunksize=2):
            total = (total + value) % 1000003
            print(turn, value, total, flush=True)
    pool.shutdown()
    print("done", total)


if __name__ == "__main__":
    main()
