"""Members of a library's enumerations: always the member itself."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import raw_reducer

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer


def claim(cls: type) -> Reducer | None:
    """Take every class of enumeration members."""
    return reduce_member if issubclass(cls, enum.Enum) else None


def reduce_member(member: Any, writer: Writer) -> Reduction:
    """Reduce a member: by value's lookup in a library's class, bare in the program's own."""
    cls = type(member)
    if writer.located(cls) is not None:
        return find_member, (cls, member._value_)
    raw = raw_reducer(cls, inline=False)
    return raw(member, writer) if raw is not None else writer.own(member)


def find_member(cls: Any, value: Any) -> Any:
    """Rebuild a reference to a member."""
    return cls(value)
