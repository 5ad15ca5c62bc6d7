"""Who called whom: what a caller's interrupted instruction will do with its callee's value.

Takes a caller and its callee, both live; gives a `Link` (how the caller is rebuilt so that it
goes on behind the call) or a `Blocked` (why it cannot be: a C function in between has work left
that nobody can see). A caller can be rebuilt when the value that its instruction pushes is known
from the callee's return value. For iteration there is another way: the generator is rebuilt as an
unstarted continuation and its consumer executes the instruction again.

The invariant: a link is given only where the C code between the two frames has nothing left to
do but what the link does. Everything else is `Blocked`; the gate then waits.
"""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.errors import NotYetError
from dartslurm.interpreter.code import Instruction, origin, slot_count
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.frames import (
    IMPORTLIB,
    NULL,
    address,
    generator_of,
    has_init_shim,
    init_shim_object,
    is_called_directly,
    position,
    slot,
)
from dartslurm.interpreter.freeze import Pause
from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.stack import callables, class_bodies, collectors, consumers, loops

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Link(NamedTuple):
    """How a caller is rebuilt.

    ``entry`` is ``call`` (the prologue calls the callee's continuation), ``within`` (it has
    ``step`` call that), ``step`` (it calls ``step``, which advances the callee's generator) or
    ``again`` (the instruction is executed again). ``given`` replaces entries of the value stack;
    ``adapter`` belongs to ``pause.after``. ``before`` is called by the prologue first, ``inside``
    by the callee's.
    """

    pause: Pause
    entry: str = "call"
    adapter: Any = None
    given: dict[int, Any] | None = None
    step: Any = None
    before: tuple[Any, ...] = ()
    inside: tuple[Any, ...] = ()


class Blocked(NamedTuple):
    """Why a stack cannot be rebuilt at this instant: the caller's instruction and place.

    While ``callee`` is on the stack nothing changes, unless the reason is one that does not last:
    what a C function holds was looked for and not found with certainty.
    """

    reason: str
    frame: FrameType
    callee: FrameType | None = None
    lasts: bool = True


class Call(NamedTuple):
    """The interrupted instruction of a caller, and access to its operands."""

    frame: FrameType
    instruction: Instruction
    following: Instruction
    kinds: str
    kinds_after: str
    base: int
    first: int

    def operand(self, index: int) -> Any:
        """Return the value-stack entry ``index`` places below the top (1 is the top)."""
        return slot(self.base, self.first + len(self.kinds) - index)

    def pushing(self, after: str = "push", count: int = 1) -> Pause:
        """Return the pause of an instruction that pushes ``count`` values."""
        kept = self.kinds_after[: len(self.kinds_after) - count]
        return Pause(self.following.start, self.instruction.offset, kept, after)

    def again(self) -> Pause:
        """Return the pause before the instruction, with its operands still on the stack."""
        found = facts(position(self.frame)[0])
        start = self.instruction
        before = found.instructions.index(start)
        while before and found.instructions[before - 1].opname in ("KW_NAMES", "PRECALL"):
            before -= 1
            start = found.instructions[before]
        return Pause(start.start, -1, self.kinds, "push")


def link(outer: FrameType, inner: FrameType) -> Link | Blocked:
    """Tell how ``outer`` is rebuilt while it waits for ``inner``."""
    if position(outer)[1] < 0:
        return _in_prologue(outer, inner)
    generator = generator_of(inner)
    call = interrupted(outer, delegates=generator is not None)
    if isinstance(call, Blocked):
        return call
    if inner.f_code.co_name == "__del__":
        return Blocked("__del__", outer)
    try:
        return _caller(call, inner) if generator is None else _consumer(call, generator, inner)
    except NotYetError as error:
        return Blocked(f"{call.instruction.opname}: {error.message}", outer)


def interrupted(frame: FrameType, *, delegates: bool = False) -> Call | Blocked:
    """Return the instruction in the middle of which ``frame`` is, perhaps for a generator."""
    code, offset = position(frame)
    if offset < 0:
        return Blocked("prologue", frame)
    found = facts(code)
    instruction = found.at(offset)
    if delegates and instruction.opname in ("YIELD_VALUE", "RESUME"):
        instruction = _delegating_send(found.instructions, instruction)
    kinds = found.kinds[instruction.start]
    if instruction.opname == "PRECALL":
        instruction = found.by_start[instruction.following]
    following = found.by_start.get(instruction.following)
    if following is None:
        return Blocked(f"{instruction.opname} is the last instruction", frame)
    return Call(
        frame, instruction, following, kinds, found.kinds.get(following.start, ""),
        address(frame), slot_count(code),
    )  # fmt: skip


def _delegating_send(instructions: list[Instruction], instruction: Instruction) -> Instruction:
    """Return the ``SEND`` whose loop a suspended body stands in.

    An exception thrown into it goes to what it awaits; that its frame was suspended, and not in
    the middle of ``SEND``, makes no difference to what comes after.
    """
    index = instructions.index(instruction)
    for before in reversed(instructions[max(0, index - 2) : index]):
        if before.opname == "SEND":
            return before
    return instruction


def _in_prologue(outer: FrameType, inner: FrameType) -> Link | Blocked:
    """The caller was itself rebuilt and still waits in the call of its prologue."""
    found = origin(outer.f_code)
    if found is None or not found.plan.has_inner or outer.f_lasti < found.call_offset:
        return Blocked("prologue", outer)
    plan = found.plan
    pause = Pause(plan.target, plan.call_site, plan.kinds, plan.after)
    top = slot_count(plan.code) + len(plan.kinds) + (not LAYOUT.null_after_callable)
    adapter = slot(address(outer), top) if plan.after == "apply" else None
    if adapter is not None and callables.code_of(adapter) is position(inner)[0]:
        return Link(pause._replace(after="push"))  # what it had called before is gone by now
    entry, made = _entered(outer, inner, top + 2 * (plan.after == "apply"))
    again = Link(pause, entry, None, None, made.step, made.before, made.inside)
    if plan.after == "replace":
        return again._replace(adapter=outer.f_code.co_consts[-2].__self__[0])
    if plan.after != "apply":
        return again
    made = loops.eager_again(made, adapter)
    return again._replace(adapter=made.adapter or adapter, before=made.before)


def _entered(outer: FrameType, inner: FrameType, operand: int) -> tuple[str, loops.Step]:
    """Tell how a prologue has entered its callee; ``operand`` is the slot of what it calls."""
    generator = generator_of(inner)
    if generator is None:
        if is_called_directly(inner):
            return "call", loops.Step(None)
        run = loops.runner_of(slot(address(outer), operand))
        return ("call" if run is None else "within"), loops.Step(run)
    entered = slot(address(outer), operand)
    made = loops.step_again(entered)
    if made is not None:
        return "step", made
    run = loops.runner_of(entered)
    step = callables.step_of(generator)
    return "step", loops.Step(step if run is None else partial(run, step))


def _consumer(call: Call, generator: Any, inner: FrameType) -> Link | Blocked:
    """The callee is the body of a generator that the caller advances."""
    name = call.instruction.opname
    if name == "FOR_ITER":
        if consumers.reaches(call.operand(1), generator):
            return Link(call.again(), "again")
    elif name == "SEND":
        if consumers.sends_to(call.operand(2), generator):
            top = len(call.kinds) - 1
            return Link(call.again(), "again", given={top: None})
    elif name in ("LIST_EXTEND", "LIST_APPEND"):
        if consumers.reaches(call.operand(1), generator):
            return Link(call.again(), "again")
    elif name in callables.CALLS:
        return _consuming_call(call, generator, inner)
    return Blocked(f"{name} consumes a generator", call.frame)


def _consuming_call(call: Call, generator: Any, inner: FrameType) -> Link | Blocked:
    function, arguments = callables.operands(call)
    run, called, passed = loops.under_context(function, arguments)
    step = callables.stepping(called, passed, generator)
    if step is not None:
        return Link(call.pushing(), "step", step=step if run is None else partial(run, step))
    made = loops.step_of_task(run, called, generator)
    if made is not None:
        return Link(call.pushing(), "step", None, None, *made[:3])
    made = loops.eager_start(function, arguments, generator)
    if made is not None:
        return Link(call.pushing("apply"), "step", made.adapter, None, *made[:3])
    if consumers.may_run_again(function, arguments, generator):
        return Link(call.again(), "again")
    step = collectors.going_on(function, arguments, generator, inner)
    if step is not None:
        return Link(call.pushing(), "step", step=step)
    reason = f"{callables.describe(function)} consumes a generator"
    return Blocked(reason, call.frame, None, not collectors.is_searched(function))


def _caller(call: Call, inner: FrameType) -> Link | Blocked:
    name = call.instruction.opname
    if name in callables.CALLS:
        return _called(call, inner)
    rule = _RULES.get(name)
    made = rule(call, inner) if rule is not None else None
    return made if made is not None else Blocked(name, call.frame)


def _called(call: Call, inner: FrameType) -> Link | Blocked:
    if has_init_shim(inner):
        return Link(call.pushing("replace"), adapter=init_shim_object(inner))
    if is_called_directly(inner):
        return Link(call.pushing())
    function, arguments = callables.operands(call)
    run, called, passed = loops.under_context(function, arguments)
    outcome = (
        callables.outcome(called, passed, inner, call)
        or collectors.item_outcome(called, passed, position(inner)[0], inner)
        or class_bodies.class_outcome(called, passed, position(inner)[0], inner)
    )
    if outcome is None:
        lasts = not collectors.is_searched(called)
        return Blocked(callables.describe(called), call.frame, None, lasts)
    entry = "call" if run is None else "within"
    return Link(call.pushing(outcome.after), entry, outcome.adapter, step=run)


def _attribute(call: Call, inner: FrameType) -> Link | None:
    owner = call.operand(1)
    name = inner.f_code.co_name
    if name != "__getattr__" and callables.find_static(type(owner), "__getattr__") is not None:
        return None  # an AttributeError of this callee would call __getattr__ next
    if name == "__getattribute__":
        return None
    extra = len(call.kinds_after) - len(call.kinds)
    if not extra:
        return Link(call.pushing())
    if LAYOUT.null_after_callable:
        return None
    below = len(call.kinds_after) - 2
    return Link(call.pushing(), given={below: NULL})


def _method_only(*names: str) -> Callable[[Call, FrameType], Link | None]:
    def rule(call: Call, inner: FrameType) -> Link | None:
        return Link(call.pushing()) if inner.f_code.co_name in names else None

    return rule


def _dropping(call: Call, inner: FrameType) -> Link | None:
    if inner.f_code.co_name in ("__hash__", "__eq__", "__index__"):
        return None
    return Link(call.pushing("drop", 0))


def _binary(call: Call, inner: FrameType) -> Link | None:
    redo = callables.binary_operator(call.instruction.arg or 0)
    if redo is None or not callables.is_operator_method(inner.f_code.co_name):
        return None
    adapter = partial(callables.or_redo, redo, call.operand(2), call.operand(1))
    return Link(call.pushing("apply"), adapter=adapter)


def _comparison(call: Call, inner: FrameType) -> Link | None:
    if inner.f_code.co_name not in ("__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"):
        return None
    redo, to_bool = callables.comparison(call.instruction.arg or 0)
    finish = callables.as_bool_or_redo if to_bool else callables.or_redo
    adapter = partial(finish, redo, call.operand(2), call.operand(1))
    return Link(call.pushing("apply"), adapter=adapter)


def _membership(call: Call, inner: FrameType) -> Link | None:
    if inner.f_code.co_name != "__contains__":
        return None
    return Link(call.pushing("apply"), adapter=operator.not_ if call.instruction.arg else bool)


def _truth(test: Callable[[Any], bool]) -> Callable[[Call, FrameType], Link | None]:
    def rule(call: Call, inner: FrameType) -> Link | None:
        if inner.f_code.co_name not in ("__bool__", "__len__"):
            return None
        return Link(call.pushing("apply"), adapter=test)

    return rule


def _next_item(call: Call, inner: FrameType) -> Link | None:
    iterator = call.operand(1)
    if not consumers.returns_item(iterator, position(inner)[0]):
        return None
    kept = call.kinds
    pause = Pause(call.following.start, call.instruction.offset, kept, "iterate")
    return Link(pause)


def _enter(call: Call, inner: FrameType) -> Link | None:
    kind = "a" if call.instruction.opname == "BEFORE_ASYNC_WITH" else ""
    if inner.f_code.co_name != f"__{kind}enter__":
        return None
    if LAYOUT.exit_before_enter:
        return Link(call.pushing())
    manager = call.operand(1)
    leave = callables.find_static(type(manager), f"__{kind}exit__")
    if leave is None:
        return None
    below = len(call.kinds_after) - 2
    bound = leave.__get__(manager, type(manager)) if hasattr(leave, "__get__") else leave
    return Link(call.pushing(), given={below: bound})


def _next_awaitable(call: Call, inner: FrameType) -> Link | None:
    if inner.f_code.co_name != "__anext__":
        return None
    return Link(call.pushing("apply"), adapter=callables.iterator_of_awaitable)


def _format(call: Call, inner: FrameType) -> Link | None:
    has_spec = call.instruction.opname == "FORMAT_VALUE" and (call.instruction.arg or 0) & 4
    if has_spec or inner.f_code.co_name not in ("__format__", "__str__", "__repr__"):
        return None
    return Link(call.pushing())


def _import(call: Call, inner: FrameType) -> Link | None:
    if not inner.f_code.co_filename.startswith(IMPORTLIB):
        return None
    code, _ = position(call.frame)
    name = code.co_names[call.instruction.arg or 0]
    finish = partial(
        callables.finish_import, name, call.frame.f_globals, call.operand(1), call.operand(2)
    )
    return Link(call.pushing("apply"), adapter=finish)


_RULES: dict[str, Callable[[Call, FrameType], Link | None]] = {
    "LOAD_ATTR": _attribute,
    "LOAD_METHOD": _attribute,
    "BINARY_SUBSCR": _method_only("__getitem__", "__missing__", "__class_getitem__"),
    "BINARY_SLICE": _method_only("__getitem__"),
    "STORE_SUBSCR": _dropping,
    "STORE_SLICE": _dropping,
    "DELETE_SUBSCR": _dropping,
    "STORE_ATTR": _dropping,
    "DELETE_ATTR": _dropping,
    "BINARY_OP": _binary,
    "COMPARE_OP": _comparison,
    "CONTAINS_OP": _membership,
    "UNARY_NOT": _truth(operator.not_),
    "TO_BOOL": _truth(bool),
    "UNARY_NEGATIVE": _method_only("__neg__"),
    "UNARY_POSITIVE": _method_only("__pos__"),
    "UNARY_INVERT": _method_only("__invert__"),
    "GET_ITER": _method_only("__iter__"),
    "FOR_ITER": _next_item,
    "GET_AWAITABLE": _method_only("__await__"),
    "GET_AITER": _method_only("__aiter__"),
    "GET_ANEXT": _next_awaitable,
    "BEFORE_WITH": _enter,
    "BEFORE_ASYNC_WITH": _enter,
    "WITH_EXCEPT_START": _method_only("__exit__", "__aexit__"),
    "FORMAT_VALUE": _format,
    "FORMAT_SIMPLE": _format,
    "CONVERT_VALUE": _format,
    "IMPORT_NAME": _import,
}
