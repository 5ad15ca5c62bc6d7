"""Where an object lies in the graph, and which containers are nested too deeply for one pickle.

Takes the root of a capture; gives readable paths (``worker.pool[3].conn``) and holders. Used only
when something went wrong, so it may be slow; it never runs code of the program.
"""

from __future__ import annotations

import gc
from collections import deque
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from dartslurm.state.layout import dict_door, is_python_class, slot_doors

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 500_000
_SLICE = 100
_OPAQUE = (type, ModuleType, str, bytes, int, float)
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)


def _search(starts: list[tuple[str, Any]], targets: set[int]) -> dict[int, tuple[int, Any, str]]:
    """Walk breadth first; return for each identity its parent's identity, itself and its name."""
    seen: dict[int, tuple[int, Any, str]] = {}
    for name, obj in starts:
        seen.setdefault(id(obj), (0, obj, name))
    front = [obj for _, obj, _ in seen.values()]
    missing = targets - seen.keys()
    while front and missing and len(seen) < _LIMIT:
        following = []
        for holder in front:
            for name, child in _children(holder):
                if id(child) not in seen:
                    seen[id(child)] = id(holder), child, name
                    missing.discard(id(child))
                    following.append(child)
        front = following
    return seen


def _children(holder: Any) -> list[tuple[str, Any]]:
    cls = type(holder)
    if issubclass(cls, _OPAQUE):
        return []
    if issubclass(cls, dict):
        items = [(_key(key), value) for key, value in dict.items(holder)]
        return items + [("[…]", key) for key in dict.keys(holder)] + _attributes(holder, cls)
    if cls is tuple:  # `zip_longest` leaves NULL in its own, which Python must not step on
        parts = gc.get_referents(holder)[::-1]
        return [(f"[{index}]", part) for index, part in enumerate(parts)]
    if issubclass(cls, (list, tuple)):
        base = list if issubclass(cls, list) else tuple
        items = [(f"[{index}]", item) for index, item in enumerate(base.__iter__(holder))]
        return items + _attributes(holder, cls)
    found = _attributes(holder, cls)
    for child in gc.get_referents(holder):
        if issubclass(cls, FunctionType) and child is holder.__globals__:
            continue
        if type(child) is dict:  # a namespace of C's making
            found += [(f".{key}", value) for key, value in child.items() if type(key) is str]
        found.append(("", child))
    return found


def _attributes(holder: Any, cls: type) -> list[tuple[str, Any]]:
    """Return what an instance of a Python class holds under a name."""
    if not is_python_class(cls):
        return []
    found = []
    door = dict_door(cls)
    if door is not None:
        namespace = door.__get__(holder)
        found = [(f".{key}", value) for key, value in namespace.items() if type(key) is str]
    for slot in slot_doors(cls):
        try:
            found.append((f".{slot.__name__}", slot.__get__(holder)))
        except AttributeError:
            continue
    return found


def _key(key: Any) -> str:
    return f"[{key!r}]" if type(key) in (str, int, float, bytes, bool) else "[…]"


def paths_of(starts: list[tuple[str, Any]], objects: list[Any]) -> list[str]:
    """Return a readable path for each object (its type's name when none was found).

    ``starts`` are named objects; the first that leads to an object gives the path its beginning.
    """
    seen = _search(starts, {id(obj) for obj in objects})
    return [_trail(seen, obj) or type(obj).__name__ for obj in objects]


def _trail(seen: dict[int, tuple[int, Any, str]], obj: Any) -> str:
    names: list[str] = []
    at = id(obj)
    while at in seen:
        at, _, name = seen[at]
        names.append(name)
    return "".join(reversed(names)).lstrip(".")


def holders(root: object, objects: list[Any], wanted: Callable[[Any], bool]) -> list[Any]:
    """Return the nearest ancestor of each object that is ``wanted``."""
    seen = _search([("", root)], {id(obj) for obj in objects})
    found = []
    for obj in objects:
        at = seen[id(obj)][0] if id(obj) in seen else 0
        while at in seen:
            parent, holder, _ = seen[at]
            if wanted(holder):
                found.append(holder)
                break
            at = parent
    return found


def deep_containers(root: object) -> list[Any]:
    """Return containers, innermost first, after whose pickling no recursion is deep any more."""
    found: list[Any] = []
    height: dict[int, int] = {}
    stack: list[tuple[Any, Any]] = [(root, None)]
    while stack:
        holder, children = stack.pop()
        if children is None:
            if id(holder) in height or issubclass(type(holder), _OPAQUE):
                continue
            height[id(holder)] = 0
            children = [c for _, c in _children(holder) if not issubclass(type(c), _OPAQUE)]
            stack.append((holder, children))
            stack.extend((child, None) for child in children if id(child) not in height)
            continue
        tall = 1 + max((height.get(id(child), 0) for child in children), default=0)
        if tall >= _SLICE and issubclass(type(holder), _CONTAINERS):
            found.append(holder)
            tall = 0
        height[id(holder)] = tall
    return found
