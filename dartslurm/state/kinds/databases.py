"""Connections of ``sqlite3``: opened again, on the data of the commit.

The content of the database travels with the version (as one leaf, of which the store keeps only
what changed), because rows that were written after the commit must not be there when the program
writes them again. A database that has changed since is first copied aside. An open transaction
cannot travel: its rows are neither in the file nor out of it, so it is a veto until it ends.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

from dartslurm import belongings, disk
from dartslurm.errors import DartError
from dartslurm.state.contract import reader, veto
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import pointer_at, word_at
from dartslurm.state.outside import files

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_DETECT_TYPES, _STATEMENT = 32, 72
"""Offsets in ``pysqlite_Connection`` and ``pysqlite_Cursor`` (3.11 to 3.13)."""
_LARGEST = 1 << 28
"""A larger database is only opened again."""
_SETTINGS = ("foreign_keys", "synchronous", "temp_store", "cache_size", "recursive_triggers",
             "busy_timeout")  # fmt: skip


def claim(cls: type) -> Reducer | None:
    """Take connections and cursors, and classes built on them."""
    if issubclass(cls, sqlite3.Connection):
        return reduce_connection
    if issubclass(cls, sqlite3.Row):
        return reduce_row
    return reduce_cursor if issubclass(cls, sqlite3.Cursor) else None


def reduce_connection(connection: sqlite3.Connection, writer: Writer) -> Reduction:
    """Reduce a connection: its file, its content and its settings."""
    try:
        busy = connection.in_transaction
    except sqlite3.ProgrammingError:
        return make_closed, (type(connection),)
    if busy:
        veto("a transaction of sqlite3 is open", lambda: connection.in_transaction)
    ask = sqlite3.Cursor(connection)
    ask.row_factory = None
    path = next(row[2] for row in ask.execute("pragma database_list") if row[1] == "main")
    path = path if os.path.isabs(path) else ""
    settings = {name: _setting(ask, name) for name in _SETTINGS}
    functions = ask.execute("select count(*) from pragma_function_list where not builtin")
    if functions.fetchone()[0]:
        writer.note(connection, "the functions given to it must be given again")
    content = None
    if not path or os.path.getsize(path) <= _LARGEST:
        data = connection.serialize()
        content = writer.leaf(data, memoryview(data), "|u1", (len(data),)) if data else None
    detect = word_at(connection, _DETECT_TYPES) & 0xFFFFFFFF
    writer.defer(fill_connection, connection, (
        connection.isolation_level, connection.row_factory, connection.text_factory,
        settings, _namespace(connection),
    ))  # fmt: skip
    return make_connection, (type(connection), path, detect, content)


def _setting(ask: sqlite3.Cursor, name: str) -> int:
    return int(ask.execute(f"pragma {name}").fetchone()[0])


def _namespace(obj: Any) -> dict[str, Any] | None:
    door = dict_door(type(obj))
    return door.__get__(obj) if door is not None else None


def make_closed(cls: Any) -> Any:
    """Rebuild a closed connection."""
    connection = sqlite3.Connection.__new__(cls)
    sqlite3.Connection.__init__(connection, ":memory:")
    sqlite3.Connection.close(connection)
    return connection


def make_connection(cls: Any, path: str, detect: int, content: int | None) -> Any:
    """Open a database again and give it the content of the commit."""
    data = bytes(reader().leaf(content)) if content is not None else None
    if path and data is not None:
        _put_back(path, data)
    connection = sqlite3.Connection.__new__(cls)
    sqlite3.Connection.__init__(connection, path or ":memory:", detect_types=detect)
    if not path and data is not None:
        connection.deserialize(data)
    return connection


def _put_back(path: str, data: bytes) -> None:
    """Give a database's file the content of the commit; the newer one is kept aside."""
    found = sqlite3.connect(path)
    try:
        newer = found.serialize()  # after SQLite has undone what a killed process left half done
    finally:
        found.close()
    if newer == data:
        return
    try:
        disk.write_new(files.aside(path), [newer])
        image = files.aside(path)
        disk.write_new(image, [data])
    except (DartError, OSError):
        return
    for name in (f"{path}-wal", f"{path}-shm"):
        if os.path.exists(name):
            disk.remove(name)
    belongings.overwrite(image, path)
    disk.remove(image)


def fill_connection(connection: Any, state: tuple[Any, ...]) -> None:
    """Give a connection its settings."""
    isolation, rows, text, settings, namespace = state
    ask = sqlite3.Cursor(connection)
    for name, value in settings.items():
        ask.execute(f"pragma {name} = {value}")
    connection.isolation_level = isolation
    connection.row_factory, connection.text_factory = rows, text
    if namespace:
        dict_door(type(connection)).__get__(connection).update(namespace)


def reduce_row(row: Any, _writer: Writer) -> Reduction:
    """Reduce a row that knows its columns."""
    return make_row, (type(row), list(sqlite3.Row.keys(row)), tuple(sqlite3.Row.__iter__(row)))


def make_row(cls: Any, names: list[str], values: tuple[Any, ...]) -> Any:
    """Rebuild a row: a cursor that has its columns lends them."""
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    lender = sqlite3.connect(":memory:")
    row = sqlite3.Row.__new__(cls, lender.execute(f"select {columns}"), values)
    lender.close()
    return row


def reduce_cursor(cursor: Any, writer: Writer) -> Reduction:
    """Reduce a cursor that has given all its rows, or whose statement gives none."""
    if pointer_at(cursor, _STATEMENT) is not None:
        return writer.refuse(cursor, "a cursor of sqlite3 in the middle of its rows")
    writer.defer(fill_cursor, cursor, (cursor.arraysize, cursor.row_factory, _namespace(cursor)))
    return make_cursor, (type(cursor), cursor.connection)


def make_cursor(cls: Any, connection: Any) -> Any:
    """Rebuild a cursor."""
    cursor = sqlite3.Cursor.__new__(cls)
    sqlite3.Cursor.__init__(cursor, connection)
    return cursor


def fill_cursor(cursor: Any, state: tuple[int, Any, Any]) -> None:
    """Give a cursor what the program has set on it."""
    cursor.arraysize, cursor.row_factory, namespace = state
    if namespace:
        dict_door(type(cursor)).__get__(cursor).update(namespace)
