"""The ledger of a version: how each variable travels, and which objects do not, by their path.

Takes what a walk over the graph refused and the *scopes* (frames and modules with their
variables); gives plain rows for the version's ``meta``. A variable is *stored* (rebuilt from the
version), goes *by reference* (the resumed process has it anyway), is *re-created* (a file is opened
again, a lock made anew) or is *lost*, with the reason. The rows of variables are written at every
capture, so they cost a look at each value and no more; nothing of the program is called.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from dartslurm.errors import NotYetError
from dartslurm.state import paths
from dartslurm.state.identity import library
from dartslurm.state.modules import namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dartslurm.model.parts import Scope
    from dartslurm.state.graph_pickler import GraphPickler

STORED, REFERENCE, RECREATED, LOST = "stored", "by reference", "re-created", "lost"
_MOST_OF_A_SCOPE = 1000
_MOST = 10_000

_module_of_class = type.__dict__["__module__"].__get__
_name_of_class = type.__dict__["__qualname__"].__get__
_MEASURED: dict[type, Callable[[Any], int]] = {
    str: str.__len__, bytes: bytes.__len__, bytearray: bytearray.__len__, list: list.__len__,
    tuple: tuple.__len__, dict: dict.__len__, set: set.__len__, frozenset: frozenset.__len__,
}  # fmt: skip
_BYTES: dict[type, Callable[[Any], int]] = {
    cls: cls.__sizeof__ for cls in (str, bytes, bytearray, int)
}

_known_paths: dict[tuple[int, str, str], str] = {}
"""Paths of the last version's lost objects: looking for one may mean walking the whole graph."""


def type_name(cls: type) -> str:
    """Return a type's full name without asking its metaclass."""
    try:
        module = _module_of_class(cls)
    except AttributeError:
        module = "?"
    name = _name_of_class(cls)
    return name if module == "builtins" else f"{module}.{name}"


def had_losses() -> bool:
    """Tell whether the version before has a ledger: then this one will."""
    return bool(_known_paths)


def is_news(pickler: GraphPickler) -> bool:
    """Tell whether an object is lost that the version before did not know of."""
    return any(gone and _key(obj, why) not in _known_paths for obj, why, gone in pickler.refused)


def _key(obj: Any, reason: str) -> tuple[int, str, str]:
    return id(obj), type_name(type(obj)), reason


def named(veto: NotYetError, scopes: Sequence[Scope], root: Any) -> NotYetError:
    """Return the veto with the variable that leads to the object which refuses."""
    culprit, veto.culprit = veto.culprit, None
    if culprit is None:
        return veto
    starts = [(f"{scope.prefix}.{name}", value) for scope in scopes for name, value in scope.items]
    path = paths.paths_of([*starts, ("", root)], [culprit])[0]
    found = NotYetError(f"{veto} (held by {path})")
    found.still = veto.still
    return found


def lost_rows(
    pickler: GraphPickler, scopes: Sequence[Scope], whole: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return a row for each object that does not travel as itself, with the path to it."""
    keys = [_key(obj, reason) for obj, reason, _ in pickler.refused]
    there = ("[", *(f"{scope.prefix}." for scope in scopes))  # a function may be over by now
    if not all(_known_paths.get(key, "").startswith(there) for key in keys):
        starts = [
            (f"{scope.prefix}.{name}", value) for scope in scopes for name, value in scope.items
        ]
        found = paths.paths_of([*starts, ("", whole)], [obj for obj, _, _ in pickler.refused])
    else:
        found = [_known_paths[key] for key in keys]
    _known_paths.clear()
    _known_paths.update(zip(keys, found, strict=True))
    return [
        {"path": path, "type": pickler.names.get(id(obj)) or type_name(type(obj)),
         "reason": reason, "lost": gone}
        for (obj, reason, gone), path in zip(pickler.refused, found, strict=True)
    ]  # fmt: skip


def survey(pickler: GraphPickler, scopes: Sequence[Scope]) -> list[dict[str, Any]]:
    """Return, for each scope, the status of its variables (bounded)."""
    refused = {id(obj): (reason, gone) for obj, reason, gone in pickler.refused}
    room = _MOST
    found = []
    for scope in scopes:
        shown = scope.items[: min(room, _MOST_OF_A_SCOPE)]
        room -= len(shown)
        rows = [_row(name, value, pickler, refused) for name, value in shown]
        found.append(
            {"kind": scope.kind, "title": scope.title, "prefix": scope.prefix, "variables": rows,
             "left_out": len(scope.items) - len(shown)}
        )  # fmt: skip
    return found


def _row(
    name: str, value: Any, pickler: GraphPickler, refused: dict[int, tuple[str, bool]]
) -> dict[str, Any]:
    cls = type(value)
    row: dict[str, Any] = {"name": name, "type": pickler.names.get(id(value)) or type_name(cls)}
    reason, gone = refused.get(id(value), ("", False))
    if reason:
        row["why"] = reason
    row["status"] = LOST if gone else RECREATED if reason else _status(value, cls, pickler)
    if cls in _MEASURED:
        row["length"] = _MEASURED[cls](value)
    if cls in _BYTES:
        row["bytes"] = _BYTES[cls](value)
    if row["type"] in ("numpy.ndarray", "torch.Tensor"):
        _measure_array(value, row)
    return row


def _measure_array(value: Any, row: dict[str, Any]) -> None:
    try:
        row["dtype"], row["shape"] = str(value.dtype), [int(length) for length in value.shape]
        row["bytes"] = int(value.nbytes)
    except Exception:  # a tensor without storage
        return


def _status(value: Any, cls: type, pickler: GraphPickler) -> str:
    if cls is ModuleType:
        return STORED if pickler.is_user_module(namespace_of(value).get("__name__")) else REFERENCE
    if cls is FunctionType:
        theirs = pickler.is_user_module(value.__globals__.get("__name__"))
        return STORED if theirs else REFERENCE
    if issubclass(cls, type):
        return STORED if pickler.is_user_module(_module_of_class(value)) else REFERENCE
    if cls is BuiltinFunctionType or library.name_of(value) is not None:
        return REFERENCE
    kind = sys.modules.get(getattr(pickler.reducer_of(cls), "__module__", None) or "")
    return RECREATED if getattr(kind, "RECREATED", False) else STORED
