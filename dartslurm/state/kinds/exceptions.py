"""Exceptions with all they hold: arguments, C fields, notes, cause, context and traceback."""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import deferred_dict, fill_instance
from dartslurm.state.layout import dict_of_class, layout_of, mro_of_class

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_CHAIN = ("__cause__", "__context__", "__suppress_context__", "__traceback__")
_ELSEWHERE = frozenset(("__dict__", "characters_written", *_CHAIN))


def claim(cls: type) -> Reducer | None:
    """Take every class of exceptions."""
    return reduce_exception if issubclass(cls, BaseException) else None


def reduce_exception(error: BaseException, writer: Writer) -> Reduction:
    """Reduce an exception without running its ``__init__`` again."""
    layout = layout_of(type(error))
    if layout is None:
        return writer.own(error)
    writer.defer(fill_exception, error, (
        deferred_dict(error, layout, writer), _fields(error),
        tuple(getattr(error, name) for name in _CHAIN),
    ))  # fmt: skip
    arguments: tuple[Any, ...] = ()
    if isinstance(error, BaseExceptionGroup):
        arguments = (error.message, error.exceptions)
    return make_exception, (layout.base, type(error), arguments)


def _fields(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, door in _doors(type(error)).items():
        try:
            value = door.__get__(error)
        except (AttributeError, TypeError):
            continue
        if value is not None:
            found[name] = value
    return found


def _doors(cls: type) -> dict[str, Any]:
    return {
        name: door
        for holder in mro_of_class(cls)
        if holder.__module__ == "builtins"
        for name, door in dict_of_class(holder).items()
        if isinstance(door, (GetSetDescriptorType, MemberDescriptorType)) and name not in _ELSEWHERE
    }


def make_exception(base: Any, cls: type[BaseException], arguments: tuple[Any, ...]) -> Any:
    """Rebuild an exception without its state."""
    return base.__new__(cls, *arguments)


def fill_exception(error: BaseException, state: tuple[Any, dict[str, Any], Any]) -> None:
    """Give an exception its state."""
    instance, fields, chain = state
    fill_instance(error, instance)
    doors = _doors(type(error))
    for name, value in fields.items():
        try:
            doors[name].__set__(error, value)
        except (AttributeError, TypeError):  # read-only: made from the arguments
            continue
    cause, context, suppress, traceback = chain
    error.__cause__, error.__context__ = cause, context
    error.__suppress_context__ = suppress
    error.__traceback__ = traceback
