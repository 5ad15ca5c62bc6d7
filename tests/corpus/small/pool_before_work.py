"""A pool of processes that has been made, and gets its first work a little later."""
from concurrent.futures import ProcessPoolExecutor


def square(x):
    return x * x


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        numbers = [*range(3)]
        first = pool.submit(square, len(numbers))
        print(first.result())
        print(list(pool.map(square, numbers)))
    print(type(pool).__name__)
