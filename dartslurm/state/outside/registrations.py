"""What the program has told us, and the abstract classes of libraries, about types of its own."""

from __future__ import annotations

import abc
import sys
import weakref
from typing import Any

from dartslurm.state.kinds.registered import by_program, register
from dartslurm.state.modules import user_modules

_found: dict[Any, list[tuple[weakref.ref[type], weakref.ref[type]]]] = {}
"""Abstract classes of libraries with virtual subclasses, for the newest count of registrations."""


def collect() -> tuple[list[tuple[type, Any, Any]], list[tuple[type, type]]]:
    """Return the program's registrations, with us and with abstract classes of libraries."""
    return by_program(), _virtual_subclasses()


def restore(found: tuple[list[tuple[type, Any, Any]], list[tuple[type, type]]]) -> None:
    """Register them in this process."""
    types, virtual = found
    for row in types:
        register(*row)
    for base, cls in virtual:
        abc.ABCMeta.register(base, cls)  # type: ignore[arg-type]


def _virtual_subclasses() -> list[tuple[type, type]]:
    """Return the program's classes that are registered with a library's (``Number.register``)."""
    token = abc.get_cache_token()
    if token not in _found:
        _found.clear()
        _found[token] = _search()
    rows = [(base(), cls()) for base, cls in _found[token]]
    return [(base, cls) for base, cls in rows if base is not None and cls is not None]


def _search() -> list[tuple[weakref.ref[type], weakref.ref[type]]]:
    known = user_modules()
    todo: list[type] = [object]
    seen = {id(object)}
    rows: list[tuple[weakref.ref[type], weakref.ref[type]]] = []
    while todo:
        below: list[type] = type.__subclasses__(todo.pop())
        for cls in below:
            if id(cls) not in seen:
                seen.add(id(cls))
                todo.append(cls)
                if issubclass(type(cls), abc.ABCMeta) and cls.__module__ not in known:
                    rows += [(weakref.ref(cls), ref) for ref in _registered(cls)]
    return [
        (base, ref)
        for base, ref in rows
        if (found := ref()) is not None and getattr(found, "__module__", None) in known
    ]


def _registered(base: type) -> set[weakref.ref[type]]:
    found: set[weakref.ref[type]] = sys.modules["_abc"]._get_dump(base)[0]
    return found
