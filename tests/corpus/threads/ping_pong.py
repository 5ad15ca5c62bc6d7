"""Two threads take turns by events, two by a condition, and the main thread joins them."""

import threading
import time


class Court:
    def __init__(self, players, rounds):
        self.condition = threading.Condition()
        self.turn, self.players, self.rounds, self.log = 0, players, rounds, []

    def play(self, me):
        for number in range(self.rounds):
            with self.condition:
                while self.turn != me:
                    self.condition.wait()
                self.log.append((number, me))
                time.sleep(0.002)
                self.turn = (me + 1) % self.players
                self.condition.notify_all()


def ping(mine, other, log, word):
    for number in range(150):
        mine.wait()
        mine.clear()
        log.append(f"{word}{number}")
        time.sleep(0.001)
        other.set()


court = Court(3, 100)
left, right, words = threading.Event(), threading.Event(), []
threads = [threading.Thread(target=court.play, args=(me,)) for me in range(3)]
threads.append(threading.Thread(target=ping, args=(left, right, words, "ping")))
threads.append(threading.Thread(target=ping, args=(right, left, words, "pong")))
for thread in threads:
    thread.start()
left.set()
for thread in threads:
    thread.join()
    print(thread.name, "has ended")
assert court.log == [(number, me) for number in range(100) for me in range(3)]
print(words[:4], words[-2:], len(words))
