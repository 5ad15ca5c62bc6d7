"""Freeze and thaw ONE frame: a live frame to a plan and its values, and back to a continuation.

Both halves live here. `freeze` reads; `thaw` gives a function that, called without arguments,
goes on where the frame stood. What a generator needs besides is in `generators`.
"""

from __future__ import annotations

from functools import partial
from types import CellType, CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.errors import InternalError
from dartslurm.interpreter.assembler import FramePlan, continuation, handover
from dartslurm.interpreter.code import OPTIMIZED, origin, slot_count
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.frames import (
    NULL,
    address,
    position,
    saved_depth,
    slot,
    slots,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Pause(NamedTuple):
    """Where and how a frame is to go on.

    ``depth`` counts the entries of the value stack that are kept; they are read from the frame.
    """

    target: int
    call_site: int
    kinds: str
    after: str


class FrozenFrame(NamedTuple):
    """A plan, and the objects it needs (live references)."""

    plan: FramePlan
    values: list[Any]


def pause_at_line(frame: FrameType) -> Pause:
    """Describe the innermost frame at a line event: the instruction there has not run yet.

    Raises:
        InternalError: if the interpreter's own depth contradicts the static one.
    """
    code, offset = position(frame)
    found = facts(code)
    instruction = found.at(offset)
    kinds = found.kinds[instruction.start]
    saved = saved_depth(frame)
    if saved >= 0 and saved != len(kinds):
        raise InternalError(
            f"value stack of {code.co_qualname}:{frame.f_lineno} is {saved} deep, not {len(kinds)}"
        )
    return Pause(instruction.start, -1, kinds, "push")


def freeze(
    frame: FrameType,
    pause: Pause,
    handled: list[Any],
    given: dict[int, Any] | None = None,
    before: int = 0,
) -> FrozenFrame:
    """Read the slots of ``frame``.

    ``handled`` gives the exception being handled above each slot of kind ``p``, deepest first;
    ``given`` replaces entries of the value stack (by index) that cannot be read from the frame;
    ``before`` counts what the continuation calls first.
    """
    code, _ = position(frame)
    base = address(frame)
    count = slot_count(code)
    shift = _shift_units(frame.f_code)
    locals_ = slots(base, 0, count)
    filled = tuple(i for i, value in enumerate(locals_) if value is not NULL)
    values = [value for value in locals_ if value is not NULL]
    given = given or {}
    stack = [
        given[index] if index in given else slot(base, count + index)
        for index in range(len(pause.kinds))
    ]
    exceptions = iter(handled)
    empty = []
    for index, (kind, value) in enumerate(zip(pause.kinds, stack, strict=True)):
        if kind == "p":
            values.append(next(exceptions))
        elif value is NULL:
            empty.append(index)
        elif kind == "l":
            values.append(_original_offset(frame.f_code, value, shift))
        else:
            values.append(value)
    plan = FramePlan(
        code, pause.target, pause.call_site, filled, pause.kinds, tuple(empty), pause.after,
        frame.f_lineno or code.co_firstlineno, before,
    )  # fmt: skip
    return FrozenFrame(plan, values)


def previous_exceptions(frame: FrameType, pause: Pause) -> list[Any]:
    """Return the values of the ``p`` slots of ``frame``, deepest first."""
    base = address(frame)
    count = slot_count(frame.f_code)
    return [slot(base, count + index) for index, kind in enumerate(pause.kinds) if kind == "p"]


def _shift_units(code: CodeType) -> int:
    found = origin(code)
    return found.shift // 2 if found is not None else 0


def _original_offset(code: CodeType, units: int, shift: int) -> int:
    if units >= shift:
        return units - shift
    found = origin(code)
    return found.plan.call_site // 2 if found is not None else units


def thaw(
    frozen: FrozenFrame,
    namespace: dict[str, Any],
    inner: Callable[[], Any] | None,
    adapter: Any = None,
    before: tuple[Any, ...] = (),
    *,
    name: str,
    qualname: str,
    local_namespace: dict[str, Any] | None = None,
) -> Callable[[], Any]:
    """Return a function of no arguments that goes on where the frame stood.

    ``frozen.values`` is emptied: the values live in the new frame only.
    """
    plan = frozen.plan
    code, holder, shift = continuation(plan)
    holder.extend(handover(plan, frozen.values, shift, inner, adapter, before))
    closure = empty_cells(len(code.co_freevars))
    frozen.values.clear()
    if not plan.code.co_flags & OPTIMIZED:
        if closure:
            return partial(exec, code, namespace, local_namespace, closure=closure)
        return partial(eval, code, namespace, local_namespace)  # gives an expression's value too
    return function_of(code, namespace, name, qualname)


def function_of(
    code: CodeType, namespace: dict[str, Any], name: str, qualname: str
) -> FunctionType:
    """Make a function of a continuation that can be called without arguments."""
    closure = empty_cells(len(code.co_freevars))
    function = FunctionType(code, namespace, name, (None,) * code.co_argcount, closure)
    first = code.co_argcount
    keywords = code.co_varnames[first : first + code.co_kwonlyargcount]
    function.__kwdefaults__ = dict.fromkeys(keywords)
    function.__qualname__ = qualname
    return function


def empty_cells(count: int) -> tuple[CellType, ...] | None:
    """Return a closure of the right length; the prologue puts the real cells into the slots."""
    return tuple(CellType() for _ in range(count)) or None
