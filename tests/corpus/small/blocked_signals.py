"""A signal that the program has blocked waits until it is let through, or waited for."""

import os
import signal
import time

heard = []
signal.signal(signal.SIGUSR2, lambda number, _frame: heard.append(number))
for turn in range(6):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(0.002)
    before = len(heard)
    waiting = sorted(signal.sigpending())
    if turn % 2:
        print("waited for", signal.sigwait([signal.SIGUSR2]))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    print(turn, before, len(heard), waiting)
