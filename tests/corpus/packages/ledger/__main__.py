"""Start: python -m ledger SEED."""
import sys

from . import VERSION
from .book import Book
from .entries import entries


def main(arguments):
    book = Book()
    for number, entry in enumerate(entries(int(arguments[0]), 300000)):
        book.add(entry)
        if number % 10000 == 0:
            print(VERSION, number, book, flush=True)
    book.write("book.txt")
    return 0 if book.balanced() else 4


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
