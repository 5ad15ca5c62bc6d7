"""Decimals, and the manager of ``with decimal.localcontext()``: what its exit gives back.

The manager's type is hidden in C; the manager holds the context that was current when it was made,
which ``__exit__`` makes current again.

Source:
    ``PyDecContextManagerObject``, ``Modules/_decimal/_decimal.c`` (3.11 to 3.13).
"""

from __future__ import annotations

import decimal
from contextvars import Context
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds import instances
from dartslurm.state.kinds.small import reduce_plain
from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_LOCAL, _GLOBAL = 16, 24


def reduce_manager(manager: Any, _writer: Writer) -> Reduction:
    """Reduce a manager of a local decimal context."""
    return make_manager, (pointer_at(manager, _LOCAL), pointer_at(manager, _GLOBAL))


def make_manager(inside: decimal.Context, outside: decimal.Context) -> Any:
    """Rebuild a manager; the current context is left as it is."""
    return Context().run(_manager, inside, outside)


def _manager(inside: decimal.Context, outside: decimal.Context) -> Any:
    decimal.setcontext(outside)
    return decimal.localcontext(inside)


def manager_type() -> type:
    """Rebuild a reference to the managers' type, which no module holds."""
    return type(Context().run(decimal.localcontext))  # asking here would make a context here


instances.VALUES[decimal.Decimal] = lambda obj: decimal.Decimal.__reduce__(obj)[1]
REDUCERS: dict[type, Any] = {manager_type(): reduce_manager, decimal.Decimal: reduce_plain}
