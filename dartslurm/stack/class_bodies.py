"""A class statement in progress: its body, its metaclass, its ``__init_subclass__``.

Takes the operands of a running ``__build_class__`` or ``type.__new__``; gives what their value
will be. ``__build_class__`` has called ``__prepare__`` and now runs the body; `finish_class` does
what it does afterwards. It follows ``builtin___build_class__`` in ``Python/bltinmodule.c``.
"""

from __future__ import annotations

import types
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.frames import local_namespace
from dartslurm.stack.callables import (
    Arguments,
    Outcome,
    code_of,
    find_static,
    first_argument,
)

if TYPE_CHECKING:
    from types import CodeType, FrameType

_build_class = __build_class__  # type: ignore[name-defined, unused-ignore]


def class_outcome(
    function: Any, arguments: Arguments, code: CodeType, inner: FrameType
) -> Outcome | None:
    """Tell what a call that makes a class gives, while ``inner`` runs below it."""
    if function is type.__new__:
        return _made(inner)
    if function is not _build_class:
        return None
    body, name, *bases = arguments.positional
    if code_of(body) is code:
        finish = partial(
            finish_class, name, tuple(bases), arguments.keywords, local_namespace(inner)
        )
        return Outcome("apply", finish)
    meta = _metaclass(types.resolve_bases(bases), arguments.keywords)
    if not isinstance(meta, type) or find_static(type(meta), "__call__") is not type.__call__:
        return None
    if code_of(find_static(meta, "__init__")) is code:
        return Outcome("replace", first_argument(inner))
    if find_static(meta, "__init__") is not type.__init__:
        return None
    if code_of(find_static(meta, "__new__")) is code:
        return Outcome("push")
    return _made(inner) if find_static(meta, "__new__") is type.__new__ else None


def _made(inner: FrameType) -> Outcome | None:
    """``__init_subclass__`` is the last thing that ``type.__new__`` calls."""
    if inner.f_code.co_name != "__init_subclass__" or not inner.f_code.co_argcount:
        return None
    made = first_argument(inner)
    return Outcome("replace", made) if isinstance(made, type) else None


def _metaclass(bases: Any, keywords: dict[str, Any]) -> Any:
    meta = keywords.get("metaclass")
    if meta is None:
        meta = type(bases[0]) if bases else type
    if isinstance(meta, type):
        for base in bases:
            if issubclass(type(base), meta):
                meta = type(base)
    return meta


def finish_class(
    name: str, bases: tuple[Any, ...], keywords: dict[str, Any], namespace: Any, _: object
) -> Any:
    """Make the class whose body has just ended."""
    resolved = types.resolve_bases(bases)
    if resolved is not bases:
        namespace["__orig_bases__"] = bases
    rest = {key: value for key, value in keywords.items() if key != "metaclass"}
    return _metaclass(resolved, keywords)(name, tuple(resolved), namespace, **rest)
