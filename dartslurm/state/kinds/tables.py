"""CSV readers and writers over the file or iterator they had."""

from __future__ import annotations

import _csv
import csv
import gc
from ctypes import c_ulong
from functools import cache
from typing import TYPE_CHECKING, Any

from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_READER, _WRITER = type(csv.reader(())), type(csv.writer(type("W", (), {"write": print})()))
_DIALECT = type(csv.reader(()).dialect)
_FIELDS = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting",
           "skipinitialspace", "strict")  # fmt: skip


def _dialect(obj: Any) -> dict[str, Any]:
    return {name: getattr(obj.dialect, name) for name in _FIELDS}


def reduce_reader(reader: Any, writer: Writer) -> Reduction:
    """Reduce a CSV reader that stands between two rows."""
    return make_reader, (pointer_at(reader, 16), _dialect(reader), reader.line_num)


def make_reader(lines: Any, dialect: dict[str, Any], line: int) -> Any:
    """Rebuild a CSV reader that has read ``line`` lines."""
    reader = csv.reader(lines, **dialect)
    place = _line_number_at()
    if place is not None:
        c_ulong.from_address(id(reader) + place).value = line
    return reader


@cache
def _line_number_at() -> int | None:
    """Find where a reader counts its lines: the one word that two more lines raise by two."""
    sample = csv.reader(iter(["a", "b", "c", "d"]))
    words = range(16, _READER.__basicsize__ - 7, 8)
    counts = []
    for _ in range(3):
        next(sample)
        counts.append([c_ulong.from_address(id(sample) + at).value for at in words])
    found = [at for at, seen in zip(words, zip(*counts, strict=True), strict=True)
             if seen == (1, 2, 3)]  # fmt: skip
    return found[0] if len(found) == 1 else None


def reduce_writer(table: Any, writer: Writer) -> Reduction:
    """Reduce a CSV writer: the ``write`` it calls."""
    for held in gc.get_referents(table):
        if callable(held) and not isinstance(held, (type, _DIALECT)):
            return make_writer, (held, _dialect(table))
    return writer.refuse(table, "a CSV writer without a file")


class _Target:
    """Lends its ``write`` to ``csv.writer``, which keeps only that."""

    def __init__(self, write: Any) -> None:
        self.write = write


def make_writer(write: Any, dialect: dict[str, Any]) -> Any:
    """Rebuild a CSV writer."""
    return csv.writer(_Target(write), **dialect)


REDUCERS: dict[type, Any] = {_READER: reduce_reader, _WRITER: reduce_writer}
if hasattr(_csv, "Dialect"):
    REDUCERS[_DIALECT] = lambda dialect, writer: writer.own(dialect)
