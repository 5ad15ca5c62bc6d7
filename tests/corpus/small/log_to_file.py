"""logging with handlers, levels, a formatter of one's own, a file handler kept open."""
import logging


class Short(logging.Formatter):
    def format(self, record):
        text = super().format(record)
        return text.upper()


log = logging.getLogger("job.part")
handler = logging.FileHandler("job.log", mode="w")
handler.setFormatter(Short("%(levelname)s %(name)s %(funcName)s:%(lineno)d %(message)s"))
root = logging.getLogger("job")
root.addHandler(handler)
root.setLevel(logging.INFO)


def work(n):
    log.info("work %d", n)
    try:
        return 10 // n
    except ZeroDivisionError:
        log.warning("division by %s", n)
        return None


for n in (2, 1, 0):
    print(n, work(n))
    log.debug("hidden")
log.setLevel(logging.DEBUG)
log.debug("shown")
logging.shutdown()
print(open("job.log").read())
