"""A loop by hand: call_soon, call_later, futures and their callbacks, handlers, run twice."""
import asyncio
import functools


def note(log, text, *args):
    log.append(text)
    for arg in args:
        log.append(arg)


class Counter:
    def __init__(self, loop):
        self.loop, self.n = loop, 0

    def tick(self, future):
        self.n += 1
        if self.n < 3:
            self.loop.call_later(0.001, self.tick, future)
        else:
            future.set_result(self.n)


def broken():
    raise LookupError("in a callback")


def handler(loop, context):
    print("handled", context["message"].split("(")[0], repr(context["exception"]))


loop = asyncio.new_event_loop()
loop.set_exception_handler(handler)
log = []
future, counter = loop.create_future(), Counter(loop)
future.add_done_callback(functools.partial(note, log, "done"))
loop.call_soon(note, log, "soon")
late = loop.call_later(60, note, log, "never")
loop.call_at(loop.time() + 0.003, note, log, "at")
loop.call_soon(broken)
loop.call_soon(counter.tick, future)
print(loop.run_until_complete(future), [str(x)[:4] for x in log if x != "at"])
late.cancel()
failing = loop.create_future()
loop.call_soon(failing.set_exception, OSError("no"))
try:
    loop.run_until_complete(failing)
except OSError as error:
    print("failed", error)
loop.call_soon(loop.stop)
loop.run_forever()
loop.run_until_complete(asyncio.sleep(0.005))
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
print(loop.is_closed(), "never" in log, log.count("at"))
with asyncio.Runner() as runner:
    print(runner.run(asyncio.sleep(0, "runner")), runner.run(asyncio.sleep(0, "again")))
