"""What a program sets on modules that it does not own: ``calendar.MARK = 1``, a patched function.

Such modules are imported again at resume, so what was set on them from outside must be set again.
`watch` keeps each module's namespace. What changes while a library is being imported is the
libraries' own doing and happens again; what changes at any other time is the program's, unless the
module's own functions bind that name (its caches and counters), or it is a submodule.
"""

from __future__ import annotations

import dis
import importlib
import operator
import sys
from types import CodeType, FunctionType
from typing import Any

from dartslurm.interpreter.objects import dict_version
from dartslurm.state import class_changes, services
from dartslurm.state.identity import bound_late, remembered, set_by_program
from dartslurm.state.modules import is_module, is_user_file, library_modules, namespace_of
from dartslurm.state.outside import settings

_ELSEWHERE = frozenset(("sys", "builtins", "warnings", "os", "atexit", "signal", "logging"))
"""Modules whose settings other matters restore; names that are new there travel all the same."""
_OF_INTERPRETER = frozenset(("last_exc", "last_type", "last_value", "last_traceback"))

_loader: Any = vars(importlib.import_module("importlib._bootstrap_external"))["_LoaderBasics"]
_original_exec: Any = _loader.exec_module
_versions: dict[str, int] = {}
_compared: dict[str, int] = {}
"""The version of each namespace when it was last looked at: most never change again."""
_bound: dict[str, frozenset[str]] = {}
_depth = [0]


def watch() -> None:
    """Remember the modules imported so far, and from now on what each import does."""
    _remember()
    _loader.exec_module = _exec_module


def forget() -> None:
    """Listen no more, and let go of what was remembered: all of it is about to end."""
    if _loader.exec_module is _exec_module:
        _loader.exec_module = _original_exec
    remembered.clear()
    class_changes.forget()
    settings.forget()


def _exec_module(self: Any, module: Any) -> None:
    outermost = not _depth[0] and not is_user_file(getattr(module, "__file__", None) or "")
    if not outermost:
        _original_exec(self, module)
        return
    # What we cannot note must not fail the import; a capture meets it again, and says so. This is
    # not `suppress`: that is a call, which can fail as well.
    try:
        _compare()
    except Exception:
        pass
    _depth[0] += 1
    try:
        _original_exec(self, module)
    finally:
        _depth[0] -= 1
        try:
            services.imported()
            _remember()
        except Exception:
            pass


# A traceback out of an import must not show us: the import system hides frames of this file name.
_exec_module.__code__ = _exec_module.__code__.replace(
    co_filename=_original_exec.__code__.co_filename
)


def _remember() -> None:
    """Keep the namespaces of libraries; never the user's, whose objects must be free to die."""
    class_changes.remember_again()
    for name in library_modules():
        module = sys.modules.get(name)
        if is_module(module):
            now, before = namespace_of(module), remembered.get(name)
            if before is None:
                settings.remember(name, now)
            version = dict_version(now)
            if _versions.get(name) == version:
                continue
            class_changes.remember(now)
            if before is None or _differ(before, now):
                remembered[name] = dict(now)
            _versions[name] = version  # the last thing: after a failure it is looked at again


def _differ(before: dict[str, Any], now: dict[str, Any]) -> bool:
    return len(now) != len(before) or any(map(operator.is_not, now.values(), before.values()))


def _compare() -> None:
    """Note what the program has set since the last import."""
    class_changes.compare()
    for name in library_modules():
        module, before = sys.modules.get(name), remembered.get(name)
        if before is None or not is_module(module):
            continue
        now = namespace_of(module)
        version = dict_version(now)
        if version in (_versions.get(name), _compared.get(name)):
            continue
        if _differ(before, now):
            _note(name, before, now)
        _compared[name] = version


def _note(name: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    found = _changes(before, now)
    if name in _ELSEWHERE:
        found -= before.keys() | _OF_INTERPRETER
    if found and name not in _bound:
        _bound[name] = _bound_by(now)
    own = found & _bound.get(name, frozenset())
    if own:
        bound_late.setdefault(name, set()).update(own)
    if found - own:
        set_by_program.setdefault(name, set()).update(found - own)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> set[str]:
    return {
        key
        for key, value in now.items()
        if (key not in before or before[key] is not value)
        and not key.startswith("__")
        and not is_module(value)
    }


def _bound_by(namespace: dict[str, Any]) -> frozenset[str]:
    """Return the global names that the module's own functions bind or delete."""
    names: set[str] = set()
    todo: list[CodeType] = []
    for value in namespace.values():
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        todo += [m.__code__ for m in members if isinstance(m, FunctionType)]
    while todo:
        code = todo.pop()
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        names |= {
            str(instruction.argval)
            for instruction in dis.get_instructions(code)
            if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")
        }
    if "__getattr__" in namespace:  # a lazy module fills itself
        names |= set(namespace.get("__all__", ()))
    return frozenset(names)


def collect() -> dict[str, dict[str, Any]]:
    """Return what the program has set on each imported module."""
    _compare()
    return {
        name: {key: now[key] for key in sorted(keys) if key in now}
        for name, keys in set_by_program.items()
        if name in sys.modules and (now := namespace_of(sys.modules[name]))
    }


def restore(found: dict[str, dict[str, Any]]) -> None:
    """Set them again; they are the program's for every later version too."""
    for name, changed in found.items():
        module = sys.modules.get(name)
        if is_module(module):
            namespace_of(module).update(changed)
            set_by_program.setdefault(name, set()).update(changed)
