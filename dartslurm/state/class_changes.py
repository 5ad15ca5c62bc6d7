"""What is set on the classes of libraries after their import: ``Settings.current = self``.

Such classes are imported again at resume, so what a program, or a library on its behalf, has set on
them must be set again. `remember` keeps the namespaces as the imports left them; the interpreter
counts the changes of each, so a look at thousands of classes is a look at as many numbers. Of what
has changed, plain values travel, the program's own objects, and what the version holds anyway:
whatever else a library keeps on its classes (caches, handles) it makes again.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.objects import DICTS_HAVE_VERSIONS, dict_version
from dartslurm.state.layout import dict_of_class, facts_of, is_python_class
from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN = frozenset((int, float, complex, bool, str, bytes, type(None)))
_CONTAINERS = frozenset((list, tuple, dict, set, frozenset))
_MOST_ITEMS = 1000
_WRAPPERS = frozenset((staticmethod, classmethod, property))
_MAPPING = 16
"""Offset of the dict in a ``mappingproxy``."""

_known: dict[int, tuple[type, dict[str, Any], int, dict[str, Any]]] = {}
"""Each class by identity: itself, its namespace, the version of that, and a copy of it."""
_seen: dict[int, int] = {}
_set: dict[int, set[str]] = {}
"""Names set on a class since its import."""


def remember(namespace: dict[str, Any]) -> None:
    """Keep the namespaces of the classes that a library's module defines."""
    name = namespace.get("__name__")
    for value in list(namespace.values()):
        if id(value) in _known or not issubclass(type(value), type) or not is_python_class(value):
            continue
        if dict_of_class(value).get("__module__") == name:
            _remember(value)


def forget() -> None:
    """Let go of all classes and of what they held."""
    _known.clear()


def _remember(cls: type) -> None:
    own = pointer_at(dict_of_class(cls), _MAPPING)
    if DICTS_HAVE_VERSIONS and type(own) is dict:
        _known[id(cls)] = cls, own, dict_version(own), dict(own)


def remember_again() -> None:
    """Take what has changed during an import for the libraries' own doing."""
    for key, (cls, own, version, _) in list(_known.items()):
        now = dict_version(own)
        if now != version:
            _known[key] = cls, own, now, dict(own)
            _seen.pop(key, None)


def compare() -> None:
    """Note what has been set since the last import."""
    for key, (_, own, version, before) in _known.items():
        now = dict_version(own)
        if now == version or now == _seen.get(key):
            continue
        changed = {
            name
            for name, value in own.items()
            if type(name) is str
            and not (name.startswith("__") and name.endswith("__"))
            and (name not in before or before[name] is not value)
        }
        if changed:
            _set.setdefault(key, set()).update(changed)
        _seen[key] = now  # the last thing: after a failure it is looked at again


def changes() -> list[tuple[type, str, Any]]:
    """Return what has been set, as class, name and value."""
    compare()
    return [
        (_known[key][0], name, _known[key][1][name])
        for key, names in _set.items()
        for name in sorted(names)
        if key in _known and name in _known[key][1]
    ]


def travels(value: Any, is_user_module: Callable[[Any], bool], depth: int = 3) -> bool:
    """Tell whether a value is plain, of the program's own making, or a small container of such."""
    if type(value) in _PLAIN:
        return True
    if type(value) in _CONTAINERS:
        parts = [*value, *value.values()] if type(value) is dict else value
        return (
            depth > 0
            and len(value) <= _MOST_ITEMS
            and all(travels(part, is_user_module, depth - 1) for part in parts)
        )
    if type(value) in _WRAPPERS:
        value = value.fget if type(value) is property else value.__func__
    kind = type(value)
    if kind is FunctionType:
        return is_user_module(value.__globals__.get("__name__"))
    return is_user_module(facts_of(value if issubclass(kind, type) else kind, "__module__"))


def set_again(cls: type, row: tuple[str, Any]) -> None:
    """Set an attribute of a library's class; it is carried by every later version too."""
    if id(cls) not in _known:
        _remember(cls)
    type.__setattr__(cls, *row)
    _set.setdefault(id(cls), set()).add(row[0])
