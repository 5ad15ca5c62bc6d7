"""Where an object lies in the graph, and which containers are nested too deeply for one pickle.

Takes the root of a capture; gives readable paths (``frames[0].locals.x``) and holders. Used only
when something went wrong, so it may be slow; it never runs code of the program.
"""

from __future__ import annotations

import gc
from collections import deque
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 500_000
_SLICE = 100
_OPAQUE = (type, ModuleType, str, bytes, int, float)
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)


def _search(root: object, targets: set[int]) -> dict[int, tuple[int, Any, str]]:
    """Walk breadth first; return for each identity its parent's identity, itself and its name."""
    seen: dict[int, tuple[int, Any, str]] = {id(root): (0, root, "")}
    front = [root]
    missing = set(targets)
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
    if issubclass(type(holder), _OPAQUE):
        return []
    if issubclass(type(holder), dict):
        return [(_key(key), value) for key, value in dict.items(holder)]
    if issubclass(type(holder), (list, tuple)):
        base = list if issubclass(type(holder), list) else tuple
        return [(f"[{index}]", item) for index, item in enumerate(base.__iter__(holder))]
    found = []
    for child in gc.get_referents(holder):
        if issubclass(type(holder), FunctionType) and child is holder.__globals__:
            continue
        if type(child) is dict:  # most often the instance's own
            found += _children(child)
        found.append(("", child))
    return found


def _key(key: Any) -> str:
    if type(key) is str:
        return f".{key}"
    return f"[{key!r}]" if type(key) in (int, float, bytes, bool) else "[…]"


def paths_of(root: object, objects: list[Any]) -> list[str]:
    """Return a readable path for each object (its type's name when none was found)."""
    seen = _search(root, {id(obj) for obj in objects})
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
    seen = _search(root, {id(obj) for obj in objects})
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
