"""pandas' reader of a CSV file in chunks: made again, and moved behind the rows it has given.

Columns over Arrow carry their state inline: blocks and indexes are built from them as they load.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import raw_reducer

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer


def claim(cls: type) -> Reducer | None:
    """Take pandas' ``TextFileReader`` and columns over Arrow."""
    arrow: Any = sys.modules.get("pandas.core.arrays.arrow.array")
    if arrow is not None and issubclass(cls, arrow.ArrowExtensionArray):
        return raw_reducer(cls, inline=True)
    readers: Any = import_module("pandas.io.parsers.readers")
    return reduce_reader if issubclass(cls, readers.TextFileReader) else None


def reduce_reader(reader: Any, writer: Writer) -> Reduction:
    """Reduce a reader: its file, its options, and how many rows it has given."""
    handle: Any = getattr(reader.handles, "handle", None)
    name = getattr(handle, "name", None)
    if handle is None or handle.closed or not isinstance(name, str):
        return writer.refuse(reader, "a pandas reader over something that is no named file")
    options = {**reader.orig_options, "compression": reader.handles.compression["method"]}
    path = os.path.realpath(f"/proc/self/fd/{handle.fileno()}")
    return make_reader, (type(reader), path, reader.engine, options, reader._currow)


def make_reader(cls: Any, path: str, engine: str, options: dict[str, Any], rows: int) -> Any:
    """Rebuild a reader and pass over the rows that it has given."""
    reader = cls(path, engine=engine, **options)
    if rows:
        reader.read(rows)
    return reader
