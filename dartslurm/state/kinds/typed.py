"""Type variables and generic aliases: their own reductions index a class that is not filled yet."""

from __future__ import annotations

import typing
from typing import Any

from dartslurm.state.kinds.instances import raw_reducer
from dartslurm.state.layout import is_python_class

if typing.TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_ALIASES: Any = typing._Final


def claim(cls: type) -> Reducer | None:
    """Take the classes of ``typing`` whose instances are values of their own."""
    if issubclass(cls, _ALIASES) and is_python_class(cls):
        return _raw_or_known(cls)
    return None


def _raw_or_known(cls: type) -> Reducer:
    raw = raw_reducer(cls, inline=True)

    def reduce_alias(alias: Any, writer: Writer) -> Reduction:
        found = writer.known(alias)
        if found is not None:
            return found
        return raw(alias, writer) if raw is not None else writer.own(alias)

    return reduce_alias


def reduce_variable(variable: Any, writer: Writer) -> Reduction:
    """Reduce a type variable made in C (3.12)."""
    found = writer.known(variable) or writer.located(variable)
    if found is not None:
        return found
    keywords = {
        name: value
        for name in ("covariant", "contravariant", "infer_variance")
        if (value := getattr(variable, f"__{name}__", False))
    }
    if getattr(variable, "__bound__", None) is not None:
        keywords["bound"] = variable.__bound__
    return make_variable, (
        type(variable), variable.__name__, getattr(variable, "__constraints__", ()), keywords,
        variable.__module__,
    )  # fmt: skip


def make_variable(
    cls: Any, name: str, constraints: tuple[Any, ...], keywords: dict[str, Any], module: str
) -> Any:
    """Rebuild a type variable."""
    variable = cls(name, *constraints, **keywords)
    try:
        variable.__module__ = module
    except AttributeError:
        pass
    return variable


REDUCERS: dict[type, Any] = {
    cls: reduce_variable
    for cls in (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)
    if not is_python_class(cls)
}
