"""Connections of ``sqlite3``: opened again, on the data of the commit.

The content of the database travels with the version (as one leaf, of which the store keeps only
what changed), because rows that were written after the commit must not be there when the program
writes them again. A database that has changed since is first copied aside. An open transaction
cannot travel: its rows are neither in the file nor out of it, so it is a veto until it ends.
"""

from __future__ import annotations

import _sqlite3
import os
import sqlite3
from ctypes import PyDLL, c_double, c_int, c_longlong, c_ssize_t, c_void_p, string_at
from typing import TYPE_CHECKING, Any

from dartslurm import belongings, disk
from dartslurm.errors import DartError
from dartslurm.interpreter.words import put_object
from dartslurm.state.contract import LATE_ROOTS, reader, veto
from dartslurm.state.kinds import database_handles
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import pointer_at, word_at
from dartslurm.state.outside import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dartslurm.state.contract import Reducer, Reduction, Writer

_DETECT_TYPES, _STATEMENT, _HANDLE, _ROW_COUNT = 32, 72, 16, 56
_TOLD = {"description": 24, "lastrowid": 48}
"""Offsets in the connection, the cursor and the statement (``Modules/_sqlite``, 3.11 to 3.13)."""
_INTEGER, _FLOAT, _NULL = 1, 2, 5
_STEPS, _RUNS = 4, 6
"""``SQLITE_STMTSTATUS_VM_STEP`` and ``_RUN``."""
_LARGEST = 1 << 28
"""A larger database is only opened again."""
_EMPTY = -1
"""Instead of a leaf: nothing has been written to the database yet."""
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
    functions = database_handles.given_to(connection)
    if functions is None:
        writer.note(connection, "the functions given to it must be given again")
    content = None
    if not path or os.path.getsize(path) <= _LARGEST:
        data = _content(connection)
        content = writer.leaf(data, memoryview(data), "|u1", (len(data),)) if data else _EMPTY
    detect = word_at(connection, _DETECT_TYPES) & 0xFFFFFFFF
    writer.defer(fill_connection, connection, (
        connection.isolation_level, connection.row_factory, connection.text_factory,
        settings, [tuple(one) for one in functions or ()],
        database_handles.counts_of(connection), _namespace(connection),
    ))  # fmt: skip
    return make_connection, (type(connection), path, detect, content)


def _content(connection: sqlite3.Connection) -> bytes:
    try:
        return connection.serialize()
    except sqlite3.OperationalError:
        pages = sqlite3.Cursor(connection).execute("pragma page_count")
        pages.row_factory = None
        if next(pages)[0]:
            raise
        return b""


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
    data = None if content is None else b""
    if content is not None and content != _EMPTY:
        data = bytes(reader().leaf(content))
    if path and data is not None:
        _put_back(path, data)
    connection = sqlite3.Connection.__new__(cls)
    sqlite3.Connection.__init__(connection, path or ":memory:", detect_types=detect)
    if not path and data:
        connection.deserialize(data)
    return connection


def _put_back(path: str, data: bytes) -> None:
    """Give a database's file the content of the commit; the newer one is kept aside."""
    found = sqlite3.connect(path)
    try:
        newer = _content(found)  # after SQLite has undone what a killed process left half done
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
    isolation, rows, text, settings, functions, counts, namespace = state
    ask = sqlite3.Cursor(connection)
    for name, value in settings.items():
        ask.execute(f"pragma {name} = {value}").fetchall()  # none may run when functions come
    connection.isolation_level = isolation
    connection.row_factory, connection.text_factory = rows, text
    database_handles.give(connection, functions)
    database_handles.count_on(connection, counts)
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
    """Reduce a cursor: what its last statement told, and how many of its rows it has given."""
    rest = None
    if pointer_at(cursor, _STATEMENT) is not None:
        rest = _rows_given(cursor)
        if rest is None:
            return writer.refuse(cursor, "a cursor of sqlite3 in the middle of its rows")
    told = {name: pointer_at(cursor, place) for name, place in _TOLD.items()}
    writer.defer(fill_cursor, cursor, (
        cursor.arraysize, cursor.row_factory, told, word_at(cursor, _ROW_COUNT), rest,
        _namespace(cursor),
    ))  # fmt: skip
    return make_cursor, (type(cursor), cursor.connection)


def make_cursor(cls: Any, connection: Any) -> Any:
    """Rebuild a cursor."""
    cursor = sqlite3.Cursor.__new__(cls)
    sqlite3.Cursor.__init__(cursor, connection)
    return cursor


def fill_cursor(cursor: Any, state: tuple[Any, ...]) -> None:
    """Give a cursor its place in its rows, and what the program has set on it."""
    cursor.arraysize, row_factory, told, row_count, rest, namespace = state
    if namespace:
        dict_door(type(cursor)).__get__(cursor).update(namespace)

    def go_on() -> None:
        if rest is not None:
            _go_to_row(cursor, *rest)
        for name, place in _TOLD.items():
            put_object(id(cursor) + place, told[name], empty=...)  # None is an object there
        c_ssize_t.from_address(id(cursor) + _ROW_COUNT).value = row_count
        cursor.row_factory = row_factory

    if rest is None:
        go_on()
    else:  # the statement may call functions, and no function may come while a statement runs
        reader().late(LATE_ROOTS, lambda: _or_lose(cursor, go_on))


def _go_to_row(cursor: Any, sql: str, given: int) -> None:
    cursor.row_factory = None
    sqlite3.Cursor.execute(cursor, sql)
    for _ in range(given):
        sqlite3.Cursor.fetchone(cursor)


def _or_lose(cursor: Any, act: Callable[[], None]) -> None:
    try:
        act()
    except sqlite3.Error as error:
        reader().spoil(cursor, error)


def _rows_given(cursor: Any) -> tuple[str, int] | None:
    """Return the statement with its values, and how many of its rows the cursor has given.

    No cursor knows the number. The statement is executed again, on a copy of the data, up to the
    row that waits in the live one. Among equal rows it is the one before which SQLite's machine has
    made as many steps, where the statement has no values and runs for the first time.
    """
    statement = _statement(cursor)
    waiting = _waiting_row(statement)
    if not _call("stmt_readonly", statement) or waiting is None:
        return None
    text = _call("expanded_sql", statement, result=c_void_p)
    sql = string_at(text).decode()
    _call("free", text)
    twin = sqlite3.connect(":memory:")
    try:
        twin.deserialize(_content(cursor.connection))
        seen = _walk(sqlite3.Cursor(twin), sql)
        alike = [(given, steps) for given, (row, steps) in enumerate(seen) if row == waiting]
    except sqlite3.Error:  # functions of the program, other databases, tables of this connection
        return None
    finally:
        twin.close()
    is_first = not _call("bind_parameter_count", statement) and _status(statement, _RUNS) == 1
    if len(alike) > 1 and is_first:
        alike = [one for one in alike if one[1] == _status(statement, _STEPS)]
    return (sql, alike[0][0]) if len(alike) == 1 else None


def _walk(cursor: sqlite3.Cursor, sql: str) -> Iterator[tuple[Any, int]]:
    cursor.execute(sql)
    while pointer_at(cursor, _STATEMENT) is not None:
        statement = _statement(cursor)
        yield _waiting_row(statement), _status(statement, _STEPS)
        cursor.fetchone()


def _statement(cursor: Any) -> int:
    return word_at(pointer_at(cursor, _STATEMENT), _HANDLE)


def _status(statement: int, what: int) -> int:
    return int(_call("stmt_status", statement, what, 0))


def _waiting_row(statement: int) -> list[tuple[int, Any]] | None:
    """Return type and value of each column of the row that comes next; ``None`` if none does."""
    row: list[tuple[int, Any]] = []
    for column in range(_call("data_count", statement)):
        kind, value = _call("column_type", statement, column), None
        if kind == _INTEGER:
            value = _call("column_int64", statement, column, result=c_longlong)
        elif kind == _FLOAT:
            value = _call("column_double", statement, column, result=c_double).hex()
        elif kind != _NULL:
            at = _call("column_blob", statement, column, result=c_void_p)
            value = string_at(at, _call("column_bytes", statement, column)) if at else b""
        row.append((kind, value))
    return row or None


def _call(name: str, handle: int, *numbers: int, result: Any = c_int) -> Any:
    """Call SQLite's own ``sqlite3_NAME``; Python's module is linked to it."""
    function = PyDLL(_sqlite3.__file__)["sqlite3_" + name]
    function.restype, function.argtypes = result, [c_void_p, *[c_int] * len(numbers)]
    return function(handle, *numbers)
