"""Kinds that a program or a package adds: `register`, and the entry points of packages.

Takes a type and two functions; gives its reducer. ``reduce(obj)`` returns plain values, and
``rebuild(state)`` makes the object anew from them in the resumed process. What a package brings is
announced by an entry point of the group ``dartslurm.kinds`` whose name is that of the module which
must be loaded before it matters; it leads to a function that is called with `register`.

A ``rebuild`` of the program's own goes by value and is called in the middle of a load, when the
program's modules are still empty. So what it needs (the globals that it names, and those of the
functions and classes among them) goes ahead of everything else: `namespaces_needed`.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from dartslurm.errors import UsageError
from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.guard import make_lost
from dartslurm.state.layout import dict_of_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dartslurm.state.contract import Reducer, Reduction, Writer

_GROUP = "[dartslurm.kinds]"
_METADATA = (".dist-info", ".egg-info")

_rows: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}
_by_program: set[type] = set()
_waiting: dict[str, list[str]] | None = None
"""Entry points whose module is not loaded yet: module to ``module:function``."""
_problems: list[str] = []


def register(cls: type, reduce: Callable[[Any], Any], rebuild: Callable[[Any], Any]) -> None:
    """Tell how objects of exactly the type ``cls`` travel; see `dartslurm.register`.

    Raises:
        UsageError: if they are not a type and two functions.
    """
    given: tuple[object, ...] = cls, reduce, rebuild
    if not isinstance(given[0], type) or not all(callable(one) for one in given):
        raise UsageError(
            f"register({cls!r}, …) is wrong",
            remedy="give a type, and two functions of one argument",
        )
    _rows[cls] = reduce, rebuild
    _by_program.add(cls)


def _register_for_package(cls: type, reduce: Any, rebuild: Any) -> None:
    known = cls in _by_program
    register(cls, reduce, rebuild)
    if not known:
        _by_program.discard(cls)


def reducers() -> dict[type, Reducer]:
    """Return the reducers of all registered types whose library is loaded."""
    _load_entry_points()
    return {cls: _reducer(*row) for cls, row in _rows.items()}


def by_program() -> list[tuple[type, Any, Any]]:
    """Return what the program itself has registered: it travels with the program."""
    return [(cls, *_rows[cls]) for cls in _rows if cls in _by_program]


def take_problems() -> list[str]:
    """Return, once, why entry points failed."""
    found = _problems[:]
    _problems.clear()
    return found


def _reducer(reduce: Callable[[Any], Any], rebuild: Callable[[Any], Any]) -> Reducer:
    def reduce_registered(obj: Any, _writer: Writer) -> Reduction:
        return make_registered, (rebuild, reduce(obj), type(obj).__qualname__)

    return reduce_registered


def make_registered(rebuild: Callable[[Any], Any], state: Any, what: str) -> Any:
    """Rebuild an object of a registered type, or a placeholder when that fails."""
    try:
        return rebuild(state)
    except Exception as error:
        return make_lost(what, f"rebuilding it raised {type(error).__name__}: {error}")


# --- what a program's own functions need ------------------------------------------------------


def namespaces_needed(is_user_module: Callable[[Any], bool]) -> Iterator[Batch]:
    """Return, for the load to begin with, the globals that functions of the program name."""
    found: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
    seen: set[int] = set()
    front: list[Any] = [rebuild for cls, _, rebuild in by_program()]
    while front:
        for function in _functions(front.pop(), is_user_module):
            if id(function) in seen or not is_user_module(function.__module__):
                continue
            seen.add(id(function))
            namespace = function.__globals__
            items = found.setdefault(id(namespace), (namespace, {}))[1]
            for name in _names(function.__code__) & namespace.keys():
                items[name] = namespace[name]
                front.append(namespace[name])
    for namespace, items in found.values():
        yield Batch([(fill_globals, [namespace], [items])])


def fill_globals(namespace: dict[str, Any], items: dict[str, Any]) -> None:
    """Give a module some of its items early."""
    namespace.update(items)


def _functions(obj: Any, is_user_module: Callable[[Any], bool]) -> list[FunctionType]:
    if type(obj) is MethodType:
        obj = obj.__func__
    if type(obj) is FunctionType:
        return [obj]
    if issubclass(type(obj), type) and is_user_module(dict_of_class(obj).get("__module__")):
        return [found for found in dict_of_class(obj).values() if type(found) is FunctionType]
    return []


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if type(constant) is CodeType:
            found |= _names(constant)
    return found


# --- entry points of packages ----------------------------------------------------------------


def _load_entry_points() -> None:
    """Call the entry points whose module is loaded by now; a failing one is a problem, no more."""
    global _waiting
    if _waiting is None:
        _waiting = {}
        for module, place in _announced():
            _waiting.setdefault(module, []).append(place)
    for module in [name for name in _waiting if name in sys.modules]:
        for place in _waiting.pop(module):
            try:
                name, _, function = place.partition(":")
                getattr(importlib.import_module(name), function)(_register_for_package)
            except Exception as error:
                _problems.append(f"kinds of {place}: {type(error).__name__}: {error}")


def _announced() -> Iterator[tuple[str, str]]:
    """Read the entry points of our group: ``importlib.metadata`` would import half the library."""
    for folder in dict.fromkeys(sys.path):
        try:
            names = [name for name in os.listdir(folder or ".") if name.endswith(_METADATA)]
        except OSError:
            continue
        for name in names:
            yield from _entries(os.path.join(folder, name, "entry_points.txt"))


def _entries(path: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    if _GROUP in text:
        for line in text.partition(_GROUP)[2].partition("\n[")[0].splitlines():
            module, equals, place = line.partition("=")
            if equals:
                yield module.strip(), place.split("[")[0].strip()
