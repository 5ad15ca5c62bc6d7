"""What the functions of libraries on the stack are in the middle of: locks held, names bound.

A library is imported again at resume, so its own locks are open there and its counters stand at
their beginning; but its functions go on in the middle, and will release the one and count down the
other. `find` looks where such a lock can be: in the namespaces of libraries, and in their classes
and objects that the frames name. It gives the locks to be pickled with the root (a lock says itself
that it was held), and the plain values of the globals that a function on the stack binds.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import CodeType, MethodType
from typing import Any

from dartslurm.errors import NotYetError
from dartslurm.interpreter.frames import outermost
from dartslurm.interpreter.objects import dict_version
from dartslurm.state.identity import bound_late, library, set_by_program
from dartslurm.state.kinds import locks
from dartslurm.state.layout import dict_of_class, layout_of
from dartslurm.state.modules import (
    find_module,
    is_module,
    library_modules,
    loaded,
    namespace_of,
    walk_to,
)

Frame = tuple[CodeType, dict[str, Any], Sequence[Any]]
"""The original code of a frame, its globals and its values."""

_STORE_GLOBAL = dis.opmap["STORE_GLOBAL"]
_SIMPLE = frozenset((int, float, bool, str, bytes, type(None)))
_DEPTH = 3
"""How many attributes may lead from a name of a library to a lock."""
_MOST = 2000

_holders: dict[str, tuple[int, list[str]]] = {}
"""For each module, the version of its namespace and its attributes that are locks."""


def find(frames: Iterable[Frame]) -> dict[str, Any]:
    """Return the held locks that libraries reach, and what their functions are binding."""
    frames = list(frames)
    library.refresh()
    _forbid_stand_ins(frames)
    locks.places.clear()
    held = [lock for name in library_modules() for lock in _locks_of(name)]
    names = {name for code, _, _ in frames for name in code.co_names}
    for holder, place in _named(frames):
        held += _locks_in(holder, place, names)
    return {"locks": held, "bound": _bound(frames)}


def _forbid_stand_ins(frames: list[Frame]) -> None:
    """Refuse this instant if an object that stands for a module is at work: it is made anew there.

    Raises:
        NotYetError: if the function of such an object is on the stack (twisted's reactor).
    """
    stand_ins = {id(one): name for name, one in loaded() if one is not None and not is_module(one)}
    for code, _, values in frames if stand_ins else ():
        name = stand_ins.get(id(values[0])) if len(values) else None
        if name is not None and library.name_of(values[0]) is not None:
            holder = code.co_qualname.replace(".<locals>", "")
            error = NotYetError(f"{name} is at work, an object that stands for a module")
            error.still = partial(_is_running, holder)
            error.holder = holder
            raise error


def _is_running(qualname: str) -> bool:
    return outermost(sys._getframe(), qualname) is not None


def forget() -> None:
    """Let go of the locks found: the capture is over."""
    locks.places.clear()


def restore(found: dict[str, Any]) -> None:
    """Bind the names again; the locks have been taken when they were filled."""
    for name, values in found["bound"].items():
        namespace_of(find_module(name)).update(values)


def _locks_of(name: str) -> list[Any]:
    module = sys.modules.get(name)
    if not is_module(module):
        return []
    namespace = namespace_of(module)
    version, attributes = _holders.get(name, (0, []))
    now = dict_version(namespace)
    if version != now:
        attributes = [key for key, value in namespace.items() if type(value) in locks.LOCKS]
        _holders[name] = now, attributes
    return [lock for key in attributes if locks.is_held(lock := namespace[key])]


def _named(frames: list[Frame]) -> Iterator[tuple[Any, tuple[str, str]]]:
    """Yield the classes and objects of libraries that the frames refer to, with their places."""
    seen: set[int] = set()
    for code, namespace, values in frames:
        met = [namespace[name] for name in code.co_names if name in namespace]
        met += (value.__self__ if type(value) is MethodType else value for value in values)
        for value in met:
            if id(value) not in seen:
                seen.add(id(value))
                place = _place_of(value)
                if place is not None:
                    yield value, place


def _place_of(obj: Any) -> tuple[str, str] | None:
    """Return where a library holds an object that has attributes of its own."""
    if is_module(obj) or type(obj) in _SIMPLE:
        return None
    if issubclass(type(obj), type):
        name, path = (
            type.__getattribute__(obj, "__module__"),
            type.__getattribute__(obj, "__qualname__"),
        )
        own = name not in library_modules() or not walk_to(obj, name, path)
        return None if own or _is_changed(name, path) else (name, path)
    found = library.name_of(obj)
    return None if found is None or _is_changed(*found) else found


def _is_changed(module: str, path: str) -> bool:
    first = path.partition(".")[0]
    return first in bound_late.get(module, ()) or first in set_by_program.get(module, ())


def _locks_in(holder: Any, place: tuple[str, str], names: set[str]) -> Iterator[Any]:
    """Yield the held locks among the attributes of ``holder``, and of those that are named."""
    row = [(holder, place[1])]
    seen = {id(holder)}
    for _ in range(_DEPTH):
        found = []
        for obj, path in row:
            for key, value in _attributes(obj).items():
                if type(value) in locks.LOCKS:
                    if locks.is_held(value):
                        locks.places.setdefault(id(value), (place[0], f"{path}.{key}"))
                        yield value
                elif key in names and id(value) not in seen:
                    seen.add(id(value))
                    found.append((value, f"{path}.{key}"))
        row = found


def _attributes(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    if issubclass(cls, type):
        found = dict_of_class(obj)
    elif cls in _SIMPLE or is_module(obj):
        return {}
    else:
        layout = layout_of(cls)
        found = layout.door.__get__(obj) if layout is not None and layout.door is not None else {}
    return {key: found[key] for key in list(found)} if len(found) < _MOST else {}


def _bound(frames: list[Frame]) -> dict[str, dict[str, Any]]:
    """Return the plain values of the globals that a library's function on the stack binds."""
    found: dict[str, dict[str, Any]] = {}
    for code, namespace, _ in frames:
        name = namespace.get("__name__")
        module = sys.modules.get(name) if type(name) is str else None
        if not is_module(module) or namespace_of(module) is not namespace:
            continue
        if _STORE_GLOBAL in code.co_code[::2] and name in library_modules():
            names = {i.argval for i in dis.get_instructions(code) if i.opcode == _STORE_GLOBAL}
            values = {key: namespace[key] for key in names if key in namespace}
            plain = {key: value for key, value in values.items() if type(value) in _SIMPLE}
            found.setdefault(name, {}).update(plain)
    return found
