"""What SQLite keeps in a connection and takes back from nobody: functions, and its counts.

What a program has given to a connection (functions, aggregates, collations) is in two hash tables.
Where these lie differs from one build to the next; so a throwaway connection gets functions that we
know, and the tables are where those are found. The elements are laid out alike since SQLite 3.25,
and count only if every field of the throwaway's was as expected. The count of changes is where the
throwaway's own count was, after each of two statements. All memory is read through ``/proc``, where
a wrong address is an error and no crash.

Source:
    ``Hash``, ``HashElem`` (``hash.h``), ``FuncDef``, ``CollSeq`` (``sqliteInt.h``);
    ``callback_context`` in ``Modules/_sqlite/connection.c``, whose first word is the callable.
"""

from __future__ import annotations

import _sqlite3
import os
import sqlite3
import struct
from contextlib import suppress
from ctypes import PyDLL, c_longlong, c_void_p
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.interpreter.words import object_at
from dartslurm.state.guard import Lost
from dartslurm.state.memory import word_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_HANDLE = 16
"""Offset of the ``sqlite3 *`` in a connection (``Modules/_sqlite``, 3.11 to 3.13)."""
_HANDLE_BYTES = 1200
_ELEMENT = struct.Struct("=4Q")
"""``next``, ``prev``, ``data``, ``pKey``."""
_FUNCTION = struct.Struct("=hxxI7Q")
"""``nArg``, flags, user data, next of that name, ``xSFunc``, final, value, inverse, name."""
_COLLATION = struct.Struct("=Q8x2Q")
"""``zName``, encoding, ``pUser``, ``xCmp``."""
_DETERMINISTIC = 0x800
_MOST = 10_000
_UNKNOWN = (OSError, OverflowError, LookupError, UnicodeDecodeError, struct.error, sqlite3.Error)
"""What comes of reading where nothing is as expected."""
_PROBE, _SUM = "dart_probe", "dart_probe_sum"


class Given(NamedTuple):
    """One thing that the program has given to a connection."""

    kind: str
    """The end of the method's name: ``function``, ``aggregate``, ``window_function``…"""
    name: str
    arity: int
    """How many arguments the function takes; -1 for any."""
    target: Any
    deterministic: bool


class _Tables(NamedTuple):
    """Where the tables lie in a connection, and what marks Python's entries in them."""

    functions: int
    collations: int
    compare: int
    changes: int
    call: int
    step: int
    wide: bool
    """Whether the count of arguments has two bytes (SQLite 3.48)."""


def given_to(connection: sqlite3.Connection) -> list[Given] | None:
    """Return what the program has given to a connection; ``None`` if that cannot be told."""
    try:
        tables = _tables()
        memory = _Memory()
        try:
            handle = word_at(connection, _HANDLE)
            functions = memory.word(handle + tables.functions)
            collations = memory.word(handle + tables.collations)
            return [
                *_functions(memory, functions, tables),
                *_collations(memory, collations, tables),
            ]
        finally:
            memory.close()
    except _UNKNOWN:
        return None


def give(connection: sqlite3.Connection, found: list[tuple[Any, ...]]) -> None:
    """Give it to the connection again."""
    base = sqlite3.Connection
    for kind, name, arity, target, deterministic in found:
        if type(target) is Lost:
            continue
        if kind == "collation":
            base.create_collation(connection, name, target)
        elif kind == "function":
            base.create_function(connection, name, arity, target, deterministic=deterministic)
        elif kind == "aggregate":
            base.create_aggregate(connection, name, arity, target)
        else:
            base.create_window_function(connection, name, arity, target)


def counts_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many rows have been changed through a connection, and the last row's number."""
    function = PyDLL(_sqlite3.__file__)["sqlite3_last_insert_rowid"]
    function.restype, function.argtypes = c_longlong, [c_void_p]
    return connection.total_changes, function(word_at(connection, _HANDLE))


def count_on(connection: sqlite3.Connection, counts: tuple[int, int]) -> None:
    """Let the connection count on from there."""
    total, last = counts
    handle = word_at(connection, _HANDLE)
    function = PyDLL(_sqlite3.__file__)["sqlite3_set_last_insert_rowid"]
    function.restype, function.argtypes = None, [c_void_p, c_longlong]
    function(handle, last)
    with suppress(*_UNKNOWN):
        place = _tables().changes
        count = c_longlong.from_address(handle + place)
        if place and count.value == connection.total_changes:
            count.value = total


class _Memory:
    """This process's memory, read so that a wrong address raises `OSError`."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def take(self, form: struct.Struct, address: int) -> tuple[int, ...]:
        """Return the fields of a structure."""
        return form.unpack(os.pread(self._file, form.size, address))

    def word(self, address: int) -> int:
        """Return a word."""
        return int.from_bytes(os.pread(self._file, 8, address), "little")

    def text(self, address: int) -> str:
        """Return a text that ends with a zero."""
        return os.pread(self._file, 256, address).partition(b"\0")[0].decode()

    def elements(self, first: int) -> Iterator[tuple[int, int]]:
        """Yield data and key of each element of a hash table."""
        for _ in range(_MOST):
            if not first:
                return
            first, _, data, key = self.take(_ELEMENT, first)
            yield data, key


def _functions(memory: _Memory, first: int, tables: _Tables) -> Iterator[Given]:
    for data, _ in memory.elements(first):
        at = data
        while at:
            arity, flags, user, at, call, _, value, _, name = memory.take(_FUNCTION, at)
            if call not in (tables.call, tables.step):
                continue
            kind = (
                "function" if call == tables.call else "window_function" if value else "aggregate"
            )
            if not tables.wide:
                arity = (arity & 0x7F) - (arity & 0x80)
            yield Given(
                kind, memory.text(name), arity, object_at(user), bool(flags & _DETERMINISTIC)
            )


def _collations(memory: _Memory, first: int, tables: _Tables) -> Iterator[Given]:
    for data, _ in memory.elements(first):
        name, user, compare = memory.take(_COLLATION, data)
        if compare == tables.compare:
            yield Given("collation", memory.text(name), 0, object_at(user), False)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    """Find the tables.

    Raises:
        LookupError: if they do not look as expected.
    """
    connection = sqlite3.connect(":memory:")
    memory = _Memory()
    try:
        connection.create_function(_PROBE, -1, len, deterministic=True)
        connection.create_aggregate(_SUM, 3, list)  # type: ignore[arg-type]
        connection.create_collation(_PROBE, divmod)
        handle = word_at(connection, _HANDLE)
        found: dict[str, tuple[int, ...]] = {}
        for offset in range(0, _HANDLE_BYTES, 8):
            named = _named(memory, handle + offset)
            if _PROBE in named and _SUM in named and "functions" not in found:
                call = memory.take(_FUNCTION, named[_PROBE])
                step = memory.take(_FUNCTION, named[_SUM])
                if (memory.word(call[2]), memory.word(step[2])) != (id(len), id(list)):
                    continue
                if call[1] & _DETERMINISTIC and not step[1] & _DETERMINISTIC and step[0] == 3:
                    found["functions"] = offset, call[4], step[4], call[0] == -1
            elif _PROBE in named and "collations" not in found:  # what lies behind is of the past
                name, user, compare = memory.take(_COLLATION, named[_PROBE])
                if memory.word(user) == id(divmod) and memory.text(name) == _PROBE:
                    found["collations"] = offset, compare
        functions, call_at, step_at, wide = found["functions"]
        collations, compare = found["collations"]
        changes = _place_of_count(connection, memory)
        return _Tables(functions, collations, compare, changes, call_at, step_at, bool(wide))
    finally:
        memory.close()
        connection.close()


def _place_of_count(connection: sqlite3.Connection, memory: _Memory) -> int:
    """Return where the count of changes is, 0 where it is not one word (before SQLite 3.37)."""
    places = set(range(0, _HANDLE_BYTES, 8))
    handle = word_at(connection, _HANDLE)
    connection.execute("create table t(a integer primary key)")
    for rows in (range(100, 105), range(200, 207)):
        connection.execute("insert into t values " + ", ".join(map("({})".format, rows)))
        wanted = connection.total_changes
        places = {place for place in places if memory.word(handle + place) == wanted}
    return places.pop() if len(places) == 1 else 0


def _named(memory: _Memory, place: int) -> dict[str, int]:
    """Return the data by key, if a hash table's first element is at ``place``, its count before."""
    found = {}
    try:
        for data, key in memory.elements(memory.word(place)):
            found[memory.text(key)] = data
        return found if memory.word(place - 8) >> 32 == len(found) else {}
    except _UNKNOWN:
        return {}
