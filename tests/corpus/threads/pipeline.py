"""A pipeline of three stages over bounded queues, with a logger and a decimal context per thread."""

import decimal
import logging
import queue
import sys
import threading
from contextvars import ContextVar

stage = ContextVar("stage", default="none")
END = object()


def produce(out):
    stage.set("produce")
    for number in range(1, 400):
        out.put(number)
    out.put(END)


def transform(source, out, digits):
    stage.set(f"transform {digits}")
    decimal.getcontext().prec = digits
    while (number := source.get()) is not END:
        value = decimal.Decimal(1) / number
        for _ in range(60):
            value = (value + value / number).sqrt()
        out.put((number, value, stage.get()))
    source.put(END)
    out.put(END)


def collect(source, count, table):
    ended = 0
    while ended < count:
        item = source.get()
        if item is END:
            ended += 1
        else:
            table[item[0]] = (len(item[1].as_tuple().digits), item[2])


logging.basicConfig(stream=sys.stdout, format="%(threadName)s %(message)s", level=logging.INFO)
first, second, table = queue.Queue(5), queue.SimpleQueue(), {}
threads = [
    threading.Thread(target=produce, args=(first,), name="producer"),
    threading.Thread(target=transform, args=(first, second, 12), name="a"),
    threading.Thread(target=transform, args=(first, second, 12), name="b"),
    threading.Thread(target=collect, args=(second, 2, table), name="collector"),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
    logging.info("%s joined", thread.name)
print(sorted(table) == list(range(1, 400)), set(table.values()), stage.get())
print(decimal.getcontext().prec)
