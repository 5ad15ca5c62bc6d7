"""Which modules travel by value (the user's), and which are imported again.

Takes ``sys.modules``; gives the user's modules and their items, the list of the others in the
order in which they were imported, and the way to an object by module and name. A module is the
user's when its file lies neither in the standard library nor in a site-packages folder, and when
it was made at run time; extension modules are always imported.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import SourceFileLoader
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

from dartslurm.errors import MismatchError
from dartslurm.interpreter.objects import dict_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STDLIB = os.path.dirname(os.path.realpath(os.__file__))
_PACKAGE = __name__.partition(".")[0]
_SITE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_UNTOUCHED = frozenset(("__builtins__", "__loader__", "__spec__", "__cached__"))
"""Belongs to the process that imported the module, unless it was read from a plain source file."""

_namespace_door = vars(ModuleType)["__dict__"]
namespace_of: Callable[[Any], dict[str, Any]] = _namespace_door.__get__
"""``namespace_of(module)``: its ``__dict__`` without running a lazy module's code."""

_CYTHON = ("_cython_", "cython_runtime")
"""Modules that compiled code makes for itself."""

_known: dict[str, tuple[int, bool]] = {}
_sorted: dict[int, tuple[list[str], list[str]]] = {}
"""The names of the user's and of the other modules, for the newest version of ``sys.modules``."""


def is_module(obj: object) -> TypeGuard[ModuleType]:
    """Tell whether ``obj`` is a module: some C objects (cffi's) only say that they are one."""
    return issubclass(type(obj), ModuleType)


def loaded() -> list[tuple[str, Any]]:
    """Return what ``sys.modules`` holds now (not only modules)."""
    return list(sys.modules.items())


def user_modules() -> dict[str, ModuleType]:
    """Return the modules that travel by value, by the name they have in ``sys.modules``."""
    return {name: sys.modules[name] for name in _sort()[0]}


def library_modules() -> list[str]:
    """Return the names of the modules to import again, in the order of their first import."""
    return _sort()[1]


def _sort() -> tuple[list[str], list[str]]:
    version = dict_version(sys.modules)
    found = _sorted.get(version)
    if found is None:
        user, others = [], []
        for name, module in loaded():
            if is_module(module) and _is_user(name, module):
                user.append(name)
            elif module is not None and not _is_ours(name):
                others.append(name)
        _sorted.clear()
        found = _sorted[version] = user, others
    return found


def _is_ours(name: str) -> bool:
    return name == _PACKAGE or name.startswith(_PACKAGE + ".")


def _is_user(name: str, module: ModuleType) -> bool:
    found = _known.get(name)
    namespace = namespace_of(module)
    if found is not None and found[0] == id(namespace):
        return found[1]
    answer = _judge(name, namespace)
    _known[name] = id(namespace), answer
    return answer


def _judge(name: str, namespace: dict[str, Any]) -> bool:
    if name == "__main__":
        return True
    top = name.partition(".")[0]
    if top == _PACKAGE or name in sys.builtin_module_names or name.startswith(_CYTHON):
        return False
    file = namespace.get("__file__")
    if isinstance(file, str):
        return is_user_file(file)
    spec = namespace.get("__spec__")
    folders = list(namespace.get("__path__") or ())
    if folders:  # a namespace package
        return all(is_user_file(str(folder) + os.sep) for folder in folders)
    if getattr(spec, "origin", None) in ("built-in", "frozen"):
        return False
    if spec is None and any(type(value).__name__ == "PyCapsule" for value in namespace.values()):
        return False  # C code keeps pointers there for other C code (SWIG's runtime, registries)
    if top != name and (spec is None or top in sys.modules):
        return _is_user_name(top)
    return not _is_made_by_library(name)


def _is_user_name(top: str) -> bool:
    module = sys.modules.get(top)
    return is_module(module) and _is_user(top, module)


def _is_made_by_library(name: str) -> bool:
    """Tell whether a library made a module that has no file, and will make it again.

    TensorFlow makes some that it names by a digest. A library holds such a module, and no function
    in it is the program's. What the program puts in the place of a library for others is its own.
    """
    module = sys.modules[name]
    codes = [
        value.__code__ for value in namespace_of(module).values() if type(value) is FunctionType
    ]
    files = {code.co_filename for code in codes}
    if not files or any(is_user_file(file) for file in files if not file.startswith("<")):
        return False
    return any(
        is_module(holder)
        and any(value is module for value in namespace_of(holder).values())
        and not _is_user(holder_name, holder)
        for holder_name, holder in loaded()
        if holder_name != name
    )


def is_user_file(file: str) -> bool:
    """Tell whether a module read from ``file`` travels by value."""
    if file.endswith((".so", ".pyd")) or any(part in file for part in _SITE):
        return False
    real = os.path.realpath(file)
    return not real.startswith(_STDLIB + os.sep) and not any(part in real for part in _SITE)


def module_items(module: ModuleType) -> dict[str, Any]:
    """Return what of a user's module travels: its namespace without the import system's part."""
    namespace = namespace_of(module)
    plain = (
        type(namespace.get("__loader__")) is SourceFileLoader
        and namespace.get("__name__") != "__main__"
    )
    left_out = ("__builtins__",) if plain else _UNTOUCHED
    return {name: value for name, value in namespace.items() if name not in left_out}


def fill_module(
    module: ModuleType, items: dict[str, Any], names: Sequence[str] | None = None
) -> None:
    """Give a module the items that `module_items` took, in the order of ``names``.

    What walks over the namespace by now stays where it is if the names are there already.
    """
    namespace = namespace_of(module)
    kept = {name: namespace[name] for name in _UNTOUCHED if name in namespace}
    order = [*(names or ()), *items, *kept]
    if names is not None or not items.keys() <= namespace.keys() <= items.keys() | _UNTOUCHED:
        ordered = {sys.intern(name): kept.get(name) for name in order}
        before = namespace.copy()
        try:
            namespace.clear()
            namespace.update(ordered)
        except BaseException:
            namespace.update(before)  # the load is done once more: nothing may be missing then
            raise
    for name, value in items.items():
        namespace[name] = value


def fill_user_module(name: str, content: tuple[dict[str, Any], list[str]]) -> None:
    """Give the module of this name its items."""
    fill_module(sys.modules[name], *content)


def module_aliases() -> list[tuple[str, str]]:
    """Return each user module's name with the first name of the same module."""
    first: dict[int, str] = {}
    return [(name, first.setdefault(id(module), name)) for name, module in user_modules().items()]


def make_user_modules(header: dict[str, Any]) -> dict[str, ModuleType]:
    """Put the user's modules into ``sys.modules``, empty, so that a load may refer to them."""
    made: dict[str, ModuleType] = {}
    for name, first in header["user_modules"]:
        module = made.get(first) if first != name else sys.modules.get(name)
        if not is_module(module):
            module = ModuleType(name)
        own = sys.modules["builtins"] if name == "__main__" else __builtins__
        namespace_of(module).setdefault("__builtins__", own)  # C code that imports looks there
        made[name] = sys.modules[name] = module
    return made


def import_recorded(header: dict[str, Any]) -> list[str]:
    """Import the modules of a header in their order; return those that could not be imported."""
    missing = []
    by_value = {name for name, _ in header["user_modules"]}
    for name in header["modules"] + header["aliases"]:
        if name in sys.modules or name in by_value or _is_ours(name):
            continue
        try:
            importlib.import_module(name)
        except Exception:
            missing.append(name)
    return missing


def order_modules(header: dict[str, Any]) -> None:
    """Give ``sys.modules`` the order it had (programs walk over it)."""
    for name in header["modules"]:
        if name in sys.modules:
            sys.modules[name] = sys.modules.pop(name)


def find_module(name: str) -> Any:
    """Rebuild a reference to a module.

    Raises:
        MismatchError: if it is not installed here.
    """
    found = sys.modules.get(name)
    if found is not None:
        return found
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MismatchError(
            f"module {name} cannot be imported ({error})",
            remedy="resume in the environment the program was started in",
        ) from error


def resolve(module: str, path: str) -> Any:
    """Rebuild a reference to an object by its module and dotted name.

    Raises:
        MismatchError: if it is not there.
    """
    found = find_module(module)
    try:
        for part in path.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise MismatchError(
            f"{module}.{path} does not exist here",
            remedy="resume with the library versions the program was started with",
        ) from error
    return found


def resolve_key(module: str, name: str, key: str) -> Any:
    """Rebuild a reference to a value of a dict that a module holds."""
    return resolve(module, name)[key]


def walk_to(obj: Any, module: Any, path: Any) -> bool:
    """Tell whether ``module.path`` is ``obj`` itself."""
    found = sys.modules.get(module) if isinstance(module, str) else None
    if found is None or not isinstance(path, str) or "<" in path:
        return False
    try:
        for part in path.split("."):
            found = _peek(found, part)
    except (AttributeError, KeyError):
        return False
    return found is obj


def _peek(holder: Any, name: str) -> Any:
    """Get an attribute without running code of a lazy module."""
    if is_module(holder):
        return namespace_of(holder)[name]
    return getattr(holder, name)
