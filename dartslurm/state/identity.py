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

from dartslurm.interpreter.objects import dict_version
from dartslurm.state.modules import find_module, is_module, library_modules, loaded, namespace_of

_ATOMS = frozenset((str, int, float, bool, complex, bytes, tuple, type(None), ModuleType))
_CONTAINERS = frozenset((dict, list, set))
_NONE: set[str] = set()
_NEVER_ASKED = _ATOMS | _CONTAINERS
_CHANGING = frozenset(
    ("stdin", "stdout", "stderr", "last_exc", "last_type", "last_value", "last_traceback")
)
"""Attributes of ``sys`` that a program replaces by objects of its own."""
_ALWAYS_SEEDED = (("sys", "argv"), ("sys", "path"), ("sys", "modules"), ("warnings", "filters"),
                  ("argparse", "SUPPRESS"))  # fmt: skip
"""The last one is a text that is told from others by its identity."""


set_by_program: dict[str, set[str]] = {}
"""Attributes of imported modules that the program has set: these are its own objects."""
bound_late: dict[str, set[str]] = {}
"""Attributes that a module's own functions bound after its import: a new process lacks them."""
remembered: dict[str, dict[str, Any]] = {}
"""Copies of the libraries' namespaces, by which a change is noticed: holders that do not count."""
_attributes: dict[str, tuple[int, list[str]]] = {}
"""For each module, the version of its namespace and its attributes that are containers."""


def _unshared() -> int:
    namespace: dict[str, list[int]] = {"sample": []}
    value = namespace.get("sample")
    return sys.getrefcount(value)


_UNSHARED = _unshared()
"""What ``getrefcount`` says of a value that only its module holds, and a local variable."""


def seeds() -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return what both memos begin with: namespaces of modules, and containers that modules hold.

    Each comes with the key to find it again; no object comes twice.
    """
    seen: set[int] = set()
    return _distinct(namespaces(), seen), _distinct(_containers(), seen)


def _distinct(found: list[tuple[str, Any]], seen: set[int]) -> list[tuple[str, Any]]:
    distinct = []
    for key, value in found:
        if id(value) not in seen:
            seen.add(id(value))
            distinct.append((key, value))
    return distinct


def _containers() -> list[tuple[str, Any]]:
    found = [
        (f"{name}:{attribute}", getattr(sys.modules[name], attribute))
        for name, attribute in _ALWAYS_SEEDED
        if name in sys.modules
    ]
    found.append(("os:environ._data", sys.modules["os"].environ._data))
    for name in library_modules():
        if name not in ("builtins", "sys"):
            found += _shared_containers(name)
    return found


def namespaces() -> list[tuple[str, Any]]:
    """Return the namespace of every module, by its name."""
    return [(name, namespace_of(module)) for name, module in loaded() if is_module(module)]


def _shared_containers(name: str) -> list[tuple[str, Any]]:
    module = sys.modules.get(name)
    if not is_module(module):
        return []
    namespace = namespace_of(module)
    version, attributes = _attributes.get(name, (0, []))
    now = dict_version(namespace)
    if version != now:
        attributes = [key for key, value in namespace.items() if type(value) in _CONTAINERS]
        _attributes[name] = now, attributes
    changed = set_by_program.get(name, _NONE) | bound_late.get(name, _NONE)
    ours = remembered.get(name, {})
    found = []
    for attribute in attributes:
        value = namespace.get(attribute)
        if type(value) not in _CONTAINERS or attribute in changed:
            continue
        if sys.getrefcount(value) > _UNSHARED + (ours.get(attribute) is value):
            found.append((f"{name}:{attribute}", value))
    return found


def rebind(obj: Any, place: tuple[str, str]) -> None:
    """Give a module the object that its functions had bound to one of its names."""
    module = sys.modules.get(place[0])
    if is_module(module):
        namespace_of(module)[place[1]] = obj
        bound_late.setdefault(place[0], set()).add(place[1])


def find_namespace(name: str) -> dict[str, Any]:
    """Return the namespace of this process's module (an empty dict if it is gone)."""
    try:
        return namespace_of(find_module(name))
    except Exception:
        return {}


def find_seed(key: str) -> Any:
    """Return the container of this process for the key of a seed (an empty dict if it is gone)."""
    name, _, attribute = key.partition(":")
    try:
        found: Any = find_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception:
        return {}
    return found


class LibraryTable:
    """From the identity of a module attribute to its module and name."""

    def __init__(self) -> None:
        self._version = 0
        self._seen: dict[str, int] = {}
        self._table: dict[int, tuple[str, str]] = {}

    def refresh(self) -> None:
        """Look at namespaces that changed when modules came; begin anew when any has gone."""
        version = dict_version(sys.modules)
        if self._version == version:
            return
        names = library_modules()
        if not self._seen.keys() <= set(names):
            self._seen, self._table = {}, {}
        for name in names:
            module = sys.modules.get(name)
            if is_module(module):
                namespace = namespace_of(module)
                now = dict_version(namespace)
                if self._seen.get(name) != now:
                    self._add(name, namespace)
                    self._seen[name] = now
        self._version = version  # the last thing: after a failure it is looked at again

    def _add(self, name: str, namespace: dict[str, Any]) -> None:
        table = self._table
        for attribute, value in list(namespace.items()):
            key = id(value)
            if key in table and self._holds(table[key], value):
                continue
            if type(value) in _NEVER_ASKED or (name == "sys" and attribute in _CHANGING):
                continue
            table[key] = name, attribute

    @staticmethod
    def _holds(place: tuple[str, str], obj: Any) -> bool:
        module = sys.modules.get(place[0])
        return is_module(module) and namespace_of(module).get(place[1]) is obj

    def name_of(self, obj: Any) -> tuple[str, str] | None:
        """Return where a library holds this very object."""
        found = self._table.get(id(obj))
        if found is None or found[1] in set_by_program.get(found[0], ()):
            return None
        return found if self._holds(found, obj) else None


library = LibraryTable()
