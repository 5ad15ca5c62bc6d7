"""Work in atexit functions and finally blocks after a long main, ended by sys.exit(3)."""
import atexit
import signal
import sys
import threading

results = []
lock = threading.Lock()
signal.signal(signal.SIGHUP, lambda number, frame: results.append(number))


@atexit.register
def save():
    with open("results.txt", "w") as target:
        target.writelines(f"{r}\n" for r in results)
    print("saved", len(results))


def main():
    value = 1
    try:
        for n in range(4000000):
            value = (value * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            if n % 200000 == 0:
                with lock:
                    results.append(value)
                print(n, value, file=sys.stderr)
        print(signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL)
        sys.exit(3)
    finally:
        results.append("end")
        print("finally", value)


if __name__ == "__main__":
    main()
