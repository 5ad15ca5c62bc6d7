"""What libraries keep *beside* the program's objects and threads, in tables of their own.

A library that has something to remember of each task, class or session of a program often keeps a
``WeakKeyDictionary``, ``WeakValueDictionary`` or ``WeakSet`` in one of its modules or classes
(anyio: the cancel scope of each task; SQLAlchemy: the mappers of each registry). The library is
imported again at resume, with its tables empty, and would not know the objects that came back.

An entry belongs to the object that it refers to weakly. So it travels if that object does: when
the walk is over, `batches` looks which objects of the tables were met, and their entries are
pickled, which may lead to others. What the library has entered itself meanwhile stays.

In the same way the data in a library's ``threading.local`` belongs to the program's threads: a
thread that goes on in the middle of a ``with`` of the library's expects there what that has set.

And a registry of a library (``gymnasium.register``; a base class that notes its subclasses) is a
dict in a module or class with entries that lead to a function, class or object of the program's.
These travel. Entries that the import makes lead to none; under a number there may be an address.

Tables of the standard library have kinds of their own.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import KeyedRef, WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

from dartslurm.interpreter.objects import dict_version
from dartslurm.state import contract
from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.guard import Lost
from dartslurm.state.identity import library
from dartslurm.state.kinds import references
from dartslurm.state.kinds.locks import LOCAL
from dartslurm.state.layout import dict_door, dict_of_class, facts_of, is_python_class
from dartslurm.state.modules import is_module, library_modules, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dartslurm.state.contract import Writer

Table = Any
Place = tuple[str, str]
"""The module that holds a table, and its dotted name there."""
Entry = tuple[Any, Any]
"""The object referred to weakly, and what the table has with it: a value, a key, or nothing."""

_PLAIN = frozenset((str, int, float, bool, complex, bytes, type(None)))
_MOST, _DEEPEST = 1000, 3
_TABLES = frozenset((WeakKeyDictionary, WeakValueDictionary, WeakSet))

_ELSEWHERE = frozenset(("jax._src.tree_util", "torch.utils._pytree"))
"""Their registries are a part of what they register; `registrations` has them do it again."""

_without: dict[Place, tuple[int, int]] = {}
"""Dicts without entries of the program's: their identity and version then."""
_paths: dict[str, tuple[int, list[tuple[str, str]]]] = {}
"""For each module, the version of its namespace, and the names of its dicts."""
_found: dict[str, tuple[int, list[tuple[str, ref[Table]]]]] = {}
"""For each module, the version of its namespace, and what it holds, by dotted names."""


def batches(writer: Writer, met: Callable[[], Iterable[int]]) -> Iterator[Batch]:
    """Yield what is to be dumped after the walk; ``met`` gives the identities met until then."""
    held = list(_held_by_libraries())
    found = [one for _, one in held if issubclass(type(one), LOCAL)]
    if found:  # each has its data pickled when it is met
        yield Batch([(references.be_met, found, [None] * len(found))])
    registered = _registered(writer)
    if registered:
        yield _batch(register, registered)
    tables = [(place, one) for place, one in held if type(one) in _TABLES]
    done: set[int] = set()
    while entries := _entries(writer, tables, met, done):
        yield _batch(enter, entries)


def _batch(fill: Any, entries: list[tuple[Place, Entry]]) -> Batch:
    places, rows = zip(*entries, strict=True)
    return Batch([(fill, list(places), list(rows))])


def _entries(
    writer: Writer,
    tables: list[tuple[Place, Table]],
    met: Callable[[], Iterable[int]],
    done: set[int],
) -> list[tuple[Place, Entry]]:
    """Return the entries about objects that were met, each with its table's place, but once."""
    rows = [
        (place, row) for place, table in tables for row in _rows(table) if id(row[0]) not in done
    ]
    known = {id(target) for _, (_, target, _) in rows}.intersection(met()) if rows else ()
    found = []
    for place, (reference, target, held) in rows:
        if id(target) in known and not _is_of_library(target, writer):
            done.add(id(reference))
            found.append((place, (target, held)))
    return found


def _registered(writer: Writer) -> list[tuple[Place, Entry]]:
    """Return the entries of registries that lead to what is the program's."""
    found = []
    for place, table in _dicts():
        version = dict_version(table)
        if len(table) > _MOST or _without.get(place) == (id(table), version):
            continue
        rows = [
            (place, row)
            for row in list(table.items())
            if type(row[0]) is not int and _is_of_program(row, writer, _DEEPEST)
        ]
        if not rows:
            _without[place] = id(table), version
        found += rows
    return found


def _is_of_program(obj: Any, writer: Writer, depth: int) -> bool:
    cls = type(obj)
    if cls in _PLAIN:
        return False
    if cls is FunctionType:
        return writer.is_user_module(obj.__globals__.get("__name__"))
    if writer.is_user_module(facts_of(obj if issubclass(cls, type) else cls, "__module__")):
        return True
    if not depth or issubclass(cls, type) or is_module(obj):
        return False
    if cls is tuple or cls is list:
        parts = list(obj)
    elif cls is dict:
        parts = [*obj.values()]
    else:
        door = dict_door(cls) if is_python_class(cls) else None
        parts = list(door.__get__(obj).values()) if door is not None else []
    return len(parts) <= _MOST and any(_is_of_program(one, writer, depth - 1) for one in parts)


def register(place: Place, entry: Entry) -> None:
    """Make an entry of a registry again, when its key has its hash."""
    contract.reader().late(contract.LATE_ROOTS, lambda: _register(place, *entry))


def _register(place: Place, key: Any, value: Any) -> None:
    table = _resolve(place)
    if type(table) is dict and type(key) is not Lost and type(value) is not Lost:
        table.setdefault(key, value)


def enter(place: Place, entry: Entry) -> None:
    """Enter what an object had, when all objects are whole enough to be keys."""
    contract.reader().late(contract.LATE_ROOTS, lambda: _enter(place, *entry))


def _enter(place: Place, target: Any, held: Any) -> None:
    table = _resolve(place)
    if type(table) not in _TABLES or type(target) is Lost or type(held) is Lost:
        return
    if type(table) is WeakSet:
        table.add(target)
    elif type(table) is WeakKeyDictionary:
        table.setdefault(target, held)
    else:
        table.setdefault(held, target)


def _resolve(place: Place) -> Table:
    found: Any = sys.modules.get(place[0])
    for part in place[1].split("."):
        found = getattr(found, part, None)
    return found


def _libraries() -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield name, namespace and its version of each module that is not the standard library's."""
    for name in library_modules():
        module = sys.modules.get(name)
        if name.partition(".")[0] not in sys.stdlib_module_names and is_module(module):
            namespace = namespace_of(module)
            yield name, namespace, dict_version(namespace)


def _held_by_libraries() -> Iterator[tuple[Place, Any]]:
    """Yield the tables and thread-locals of all libraries with their places, each once."""
    seen: set[int] = set()
    for name, namespace, version in _libraries():
        if _found.get(name, (None,))[0] != version:
            _found[name] = version, list(_search(name, namespace))
        for path, reference in _found[name][1]:
            found = reference()
            if found is not None and id(found) not in seen:
                seen.add(id(found))
                yield (name, path), found


def _search(name: str, namespace: dict[str, Any]) -> Iterator[tuple[str, ref[Any]]]:
    for key, value in list(namespace.items()):
        cls = type(value)
        if cls in _TABLES or issubclass(cls, LOCAL):
            yield key, ref(value)
        elif issubclass(cls, type) and is_python_class(value):
            members = dict_of_class(value)
            if members.get("__module__") == name:
                yield from (
                    (f"{key}.{member}", ref(one))
                    for member, one in list(members.items())
                    if type(one) in _TABLES
                )


def _dicts() -> Iterator[tuple[Place, dict[Any, Any]]]:
    """Yield the dicts that libraries hold in their modules and classes, each once."""
    seen = {
        id(value)
        for name in _ELSEWHERE & sys.modules.keys()
        for value in namespace_of(sys.modules[name]).values()
        if type(value) is dict
    }
    for name, namespace, version in _libraries():
        if _paths.get(name, (None,))[0] != version:
            _paths[name] = version, list(_paths_of_dicts(name, namespace))
        for key, member in _paths[name][1]:
            held = namespace.get(key)
            found = dict_of_class(held).get(member) if member and isinstance(held, type) else held
            if type(found) is dict and id(found) not in seen:
                seen.add(id(found))
                yield (name, f"{key}.{member}" if member else key), found


def _paths_of_dicts(name: str, namespace: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in list(namespace.items()):
        if key.startswith("__"):
            continue
        if type(value) is dict:
            yield key, ""
        elif issubclass(type(value), type) and is_python_class(value):
            members = dict_of_class(value)
            if members.get("__module__") == name:
                for member, one in list(members.items()):
                    if type(one) is dict and not member.startswith("__"):
                        yield key, member


def _rows(table: Table) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each weak reference, its object, and what the table has with it."""
    rows: list[tuple[Any, Any]]
    data, kind = table.data, type(table)
    if kind is WeakSet:
        rows = [(reference, None) for reference in list(data)]
    else:
        rows = [
            (held, key) if type(held) is KeyedRef else (key, held)
            for key, held in list(data.items())
        ]
    for reference, held in rows:
        target = ref.__call__(reference)
        if target is not None:
            yield reference, target, held


def _is_of_library(obj: Any, writer: Writer) -> bool:
    """Tell whether a new process finds this object in a library: its entries are made there."""
    by_name = type(obj) is FunctionType or issubclass(type(obj), type)
    return writer.located(obj) is not None if by_name else library.name_of(obj) is not None
