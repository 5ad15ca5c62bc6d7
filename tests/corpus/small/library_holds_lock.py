"""Our code is called while a library holds locks that are its own: of its module, of its objects."""

import logging
import logging.config
import tempfile


class Counting(logging.Handler):
    made = 0

    def __init__(self, name):
        super().__init__()
        self.tag = name
        for step in range(2):
            Counting.made += step

    def emit(self, record):
        text = self.tag
        print(text, record.getMessage())


def make_formatter(**words):
    style = "%(message)s"
    return logging.Formatter(style + words.get("tail", ""))


logging.config.dictConfig(
    {
        "version": 1,
        "formatters": {"plain": {"()": make_formatter, "tail": "!"}},
        "handlers": {
            "one": {"()": Counting, "name": "first", "formatter": "plain"},
            "two": {"()": Counting, "name": "second"},
        },
        "root": {"handlers": ["one", "two"], "level": "INFO"},
    }
)
logging.info("hello")


def folders():
    found = []
    for name in (".", "/"):
        found.append(name)
    return found


tempfile.tempdir = None
tempfile._candidate_tempdir_list = folders  # asked while the module's lock is held
print(tempfile.gettempdir() != "", tempfile.gettempdir() == tempfile.tempdir)
logging.info("%s handlers", Counting.made)
