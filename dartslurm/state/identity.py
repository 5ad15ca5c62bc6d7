"""Objects that belong to imported modules: referred to by name, never copied.

Takes the imported modules; gives *seeds* (containers that the C pickler meets without asking us:
module namespaces and the modules' own dicts, lists and sets), which both memos begin with, and a
table from the identity of any other module attribute to its name. An identity is only a hint: it
is used after ``is`` has confirmed it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from dartslurm.state.modules import find_module, library_modules, loaded, namespace_of

_ATOMS = frozenset((str, int, float, bool, complex, bytes, tuple, type(None), ModuleType))
_CONTAINERS = frozenset((dict, list, set))
_CHANGING = frozenset(
    ("stdin", "stdout", "stderr", "last_exc", "last_type", "last_value", "last_traceback")
)
"""Attributes of ``sys`` that a program replaces by objects of its own."""
_ALWAYS_SEEDED = (("sys", "argv"), ("sys", "path"), ("sys", "modules"), ("warnings", "filters"))


def _references() -> int:
    sample: dict[str, list[int]] = {"sample": []}
    for name, value in sample.items():
        if name:
            return sys.getrefcount(value)
    return 0


_UNSHARED = _references()
"""What ``getrefcount`` says in such a loop of a value that only its module holds."""


def seeds() -> list[tuple[str, Any]]:
    """Return the containers that both memos begin with, each with the key to find it again."""
    found = [
        (f"d:{name}", namespace_of(module))
        for name, module in loaded()
        if isinstance(module, ModuleType)
    ]
    found += [
        (f"a:{name}:{attribute}", getattr(sys.modules[name], attribute))
        for name, attribute in _ALWAYS_SEEDED
        if name in sys.modules
    ]
    found.append(("a:os:environ._data", sys.modules["os"].environ._data))
    for name in library_modules():
        if name not in ("builtins", "sys"):
            found += _shared_containers(name)
    once = {id(value): (key, value) for key, value in reversed(found)}
    return list(reversed(once.values()))


def _shared_containers(name: str) -> list[tuple[str, Any]]:
    found = []
    for attribute, value in _items(name):
        if type(value) in _CONTAINERS and sys.getrefcount(value) > _UNSHARED:
            found.append((f"a:{name}:{attribute}", value))
    return found


def _items(name: str) -> Any:
    module = sys.modules.get(name)
    return namespace_of(module).items() if isinstance(module, ModuleType) else ()


def find_seed(key: str) -> Any:
    """Return the container of this process for the key of a seed (an empty dict if it is gone)."""
    kind, _, rest = key.partition(":")
    name, _, attribute = rest.partition(":")
    try:
        found: Any = find_module(name)
        if kind == "d":
            return namespace_of(found)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception:
        return {}
    return found


class LibraryTable:
    """From the identity of a module attribute to its module and name."""

    def __init__(self) -> None:
        self._size = 0
        self._table: dict[int, tuple[str, str]] = {}

    def refresh(self) -> None:
        """Build the table anew when modules came or went."""
        if self._size != len(sys.modules):
            self._size = len(sys.modules)
            self._table = _build()

    def name_of(self, obj: Any) -> tuple[str, str] | None:
        """Return where a library holds this very object."""
        found = self._table.get(id(obj))
        if found is None:
            return None
        module = sys.modules.get(found[0])
        if isinstance(module, ModuleType) and namespace_of(module).get(found[1]) is obj:
            return found
        return None


def _build() -> dict[int, tuple[str, str]]:
    table: dict[int, tuple[str, str]] = {}
    atoms = _ATOMS | _CONTAINERS
    for name in library_modules():
        module = sys.modules.get(name)
        if not isinstance(module, ModuleType):
            continue
        for attribute, value in list(namespace_of(module).items()):
            if type(value) in atoms or id(value) in table:
                continue
            if name == "sys" and attribute in _CHANGING:
                continue
            table[id(value)] = name, attribute
    return table


library = LibraryTable()
