"""What a program has set in a library by calling it: ``dask.config.set``, ``xr.set_options``.

Libraries are imported again at resume, and what lies in their modules is referred to by name. So a
choice that a library's function wrote into a dict of its own, an object of its own or a global is
the library's default again, and the program goes on with other numbers, without a word. Each such
place is remembered as its import left it; what has another plain value at a capture is set again.

Only places that are called settings are looked into, and no marks in them such as "the C library
is started". Others hold caches, counters of threads and the like, which are true of the ended
process only; so are numbers as large as an address.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from copy import copy
from functools import lru_cache
from typing import Any

from dartslurm.state.identity import bound_late
from dartslurm.state.layout import dict_door, is_python_class, slot_doors
from dartslurm.state.modules import is_module, library_modules, namespace_of

_NAMED = re.compile("conf|option|setting|param|default|prefer", re.IGNORECASE)
_LIVE = re.compile(
    r"(^|_)(pid|fd|port|handle|thread|running|ready|(initiali[sz]|load|open|clos|start)ed)$",
    re.IGNORECASE,
)
_ATOMS = frozenset((str, int, float, bool, complex, bytes, type(None)))
_ROWS = frozenset((list, tuple, set, frozenset))
_ADDRESS = 1 << 32
_DEEPEST, _LONGEST = 6, 1000

_before: dict[str, dict[str, dict[str, Any]]] = {}
"""By module and attribute: the plain part of what the import left there."""


def remember(name: str, namespace: dict[str, Any]) -> None:
    """Keep the settings of a module that has just been imported."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return
    found, is_named = {}, _NAMED.search(name) is not None
    for attribute, value in namespace.items():
        if attribute.startswith("__") or not (is_named or _NAMED.search(attribute)):
            continue
        held = _held_by(value)
        if held is not None and len(held) <= _LONGEST:
            found[attribute] = _plain_part(held, _DEEPEST)
    _before[name] = found


def forget() -> None:
    """Let go of all that was remembered."""
    _before.clear()


def _held_by(value: Any) -> Any:
    """Return the dict that is, or holds, the settings (a new one of slots), ``None`` if none."""
    cls = type(value)
    if cls is dict:
        return value
    if issubclass(cls, type) or not is_python_class(cls) or is_module(value):
        return None
    door = dict_door(cls)
    if door is not None:
        return door.__get__(value)
    found = {}
    for slot in slot_doors(cls):
        with suppress(AttributeError):
            found[slot.__name__] = slot.__get__(value)
    return found


def _is_choice(key: Any, value: Any, depth: int) -> bool:
    return type(key) is str and not _is_live(key) and _is_plain(value, depth)


@lru_cache(maxsize=10_000)
def _is_live(key: str) -> bool:
    return _LIVE.search(key) is not None


def _is_plain(value: Any, depth: int) -> bool:
    cls = type(value)
    if cls in _ATOMS:
        return cls is not int or abs(value) < _ADDRESS
    if cls in _ROWS:
        return depth > 0 and len(value) <= _LONGEST and all(_is_plain(v, depth - 1) for v in value)
    return cls is dict and depth > 0 and len(value) <= _LONGEST


def _plain_part(held: dict[Any, Any], depth: int) -> dict[str, Any]:
    return {
        key: _plain_part(value, depth - 1) if type(value) is dict else copy(value)
        for key, value in held.items()
        if _is_choice(key, value, depth)
    }


def _changes(before: dict[str, Any], held: dict[Any, Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in held.items():
        if not _is_choice(key, value, depth):
            continue
        known = before.get(key)
        if type(value) is dict:
            inner = _changes(known if type(known) is dict else {}, value, depth - 1)
            if inner or key not in before:
                found[key] = inner
        elif key not in before or type(known) is not type(value) or known != value:
            found[key] = value
    return found


def collect() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return, by module, the changed settings in what it holds, and its own globals among them."""
    found = {}
    libraries = set(library_modules())
    for name, remembered in _before.items():
        late = bound_late.get(name, ())
        module = sys.modules.get(name) if (remembered or late) and name in libraries else None
        if not is_module(module):
            continue
        namespace = namespace_of(module)
        changed = {}
        for attribute, before in remembered.items():
            held = _held_by(namespace.get(attribute))
            rows = _changes(before, held, _DEEPEST) if held is not None else None
            if rows:
                changed[attribute] = rows
        bound = {
            key: namespace[key]
            for key in late
            if not _is_live(key)
            and _NAMED.search(f"{name}.{key}")
            and type(namespace.get(key, _changes)) in _ATOMS
        }
        if changed or bound:
            found[name] = changed, bound
    return found


def restore(found: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Set them again."""
    for name, (changed, bound) in found.items():
        module = sys.modules.get(name)
        if not is_module(module):
            continue
        namespace = namespace_of(module)
        namespace.update(bound)
        bound_late.setdefault(name, set()).update(bound)
        for attribute, rows in changed.items():
            owner = namespace.get(attribute)
            held = _held_by(owner)
            if held is not None:
                _set(held, rows)
                if type(owner) is not dict and dict_door(type(owner)) is None:
                    for slot in slot_doors(type(owner)):
                        if slot.__name__ in rows:
                            slot.__set__(owner, held[slot.__name__])


def _set(held: dict[str, Any], rows: dict[str, Any]) -> None:
    for key, value in rows.items():
        if type(value) is dict and type(held.get(key)) is dict:
            _set(held[key], value)
        else:
            held[key] = value
