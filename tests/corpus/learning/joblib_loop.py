"""Joblib in a loop: workers that are reused, threads, and a kept ``Parallel``."""

from joblib import Parallel, delayed


def work(n):
    total = n
    for i in range(60000):
        total = (total * 31 + i) % 1000003
    return total


def main():
    total = 0
    for turn in range(4):
        found = Parallel(n_jobs=2)(delayed(work)(turn * 10 + n) for n in range(8))
        total += sum(found)
        print("processes", turn, found, flush=True)
        found = Parallel(n_jobs=2, backend="threading")(delayed(work)(n) for n in range(4))
        print("threads", turn, found, flush=True)
    with Parallel(n_jobs=2) as parallel:
        for turn in range(3):
            found = parallel(delayed(work)(turn + n) for n in range(6))
            total += sum(found)
            print("kept", turn, found, flush=True)
    print("done", total)


if __name__ == "__main__":
    main()
