"""A signal handler of the program's own that runs in a bare while, in a comprehension and in a sleep."""
import signal
import time

rung = []


def ring(number, frame):
    name = signal.Signals(number).name
    rung.append(name)
    print("ring", len(rung), name)


def wait_for(count):
    while len(rung) < count:
        pass
    return len(rung)


signal.signal(signal.SIGALRM, ring)
n = 0
while n < 6:
    n += 1
    if n % 2:
        signal.raise_signal(signal.SIGALRM)
print(n, len(rung))
print([signal.raise_signal(signal.SIGALRM) for _ in range(2)], len(rung))
signal.setitimer(signal.ITIMER_REAL, 0.002)
print(wait_for(6), signal.getitimer(signal.ITIMER_REAL))
signal.setitimer(signal.ITIMER_REAL, 0.002)
while len(rung) < 7:
    time.sleep(0.001)
print(signal.getsignal(signal.SIGALRM) is ring, rung[-1])
