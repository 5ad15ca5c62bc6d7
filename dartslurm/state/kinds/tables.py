"""CSV readers and writers over the file or iterator they had."""

from __future__ import annotations

import _csv
import csv
import gc
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
    return make_reader, (pointer_at(reader, 16), _dialect(reader))


def make_reader(lines: Any, dialect: dict[str, Any]) -> Any:
    """Rebuild a CSV reader."""
    return csv.reader(lines, **dialect)


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
