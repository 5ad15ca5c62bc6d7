"""Generators, coroutines and async generators: a frame inside an object.

Freezing reads the body's frame as `freeze` does; thawing takes two steps, because the values may
refer to the generator itself: `shell_generator` makes the object, `fill_generator` gives it its
values and advances it once, so that it stands at its original ``yield``. One that was *running*
is left unstarted: whoever consumed it executes its instruction again, and enters the continuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.errors import InternalError
from dartslurm.interpreter import fields
from dartslurm.interpreter.assembler import FramePlan, continuation, handover
from dartslurm.interpreter.code import Instruction, origin
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.frames import handled_by, position, saved_depth
from dartslurm.interpreter.freeze import (
    FrozenFrame,
    Pause,
    freeze,
    function_of,
    previous_exceptions,
)
from dartslurm.interpreter.layouts import LAYOUT

if TYPE_CHECKING:
    from types import CodeType, FrameType


class GeneratorPlan(NamedTuple):
    """The fixed part of a generator-like object.

    ``state`` is ``created``, ``suspended``, ``running`` or ``closed``; ``flavor`` one of
    ``generator``, ``coroutine``, ``async_generator``. ``namespace`` is the globals of its body,
    ``flags`` what only an async generator has.
    """

    frame: FramePlan | None
    state: str
    flavor: str
    name: str
    qualname: str
    namespace: dict[str, Any] | None
    flags: fields.State | None = None


_FLAVORS = {"gi": "generator", "cr": "coroutine", "ag": "async_generator"}
_BEFORE_START = frozenset(("COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP", "RESUME"))
_ASYNC_GEN_WRAP = 4
_FLAGS = fields.Fields(
    {"finalizer": LAYOUT.generator_exception + 16},
    {"hooked": (LAYOUT.generator_exception + 24, 1), "closed": (LAYOUT.generator_exception + 25, 1),
     "running": (LAYOUT.generator_exception + 26, 1)},
)  # fmt: skip
"""An async generator's finalizer (a hook of its event loop), and how far it has come."""


def body_of(generator: Any) -> FrameType | None:
    """Return the frame of the generator's body, ``None`` when it has ended."""
    frame: FrameType | None = getattr(generator, f"{_prefix(generator)}_frame")
    return frame


def _prefix(generator: Any) -> str:
    for prefix in _FLAVORS:
        if hasattr(type(generator), f"{prefix}_frame"):
            return prefix
    raise InternalError(f"{type(generator).__name__} is no generator")


def describe(generator: Any, frame: FrozenFrame | None, state: str) -> GeneratorPlan:
    """Return the plan of ``generator`` whose body was frozen as ``frame``."""
    body = body_of(generator)
    return GeneratorPlan(
        frame.plan if frame is not None else None,
        state,
        _FLAVORS[_prefix(generator)],
        generator.__name__,
        generator.__qualname__,
        body.f_globals if body is not None else None,
        fields.read(generator, _FLAGS) if _prefix(generator) == "ag" else None,
    )


def freeze_generator(generator: Any) -> tuple[GeneratorPlan, list[Any]]:
    """Freeze a generator that is *not* running; the values are live references."""
    body = body_of(generator)
    if body is None:
        return describe(generator, None, "closed"), []
    found = origin(body.f_code)
    if found is not None and body.f_lasti < found.shift:  # rebuilt once, never started
        return _freeze_unstarted(generator, body.f_code, found.plan, found.shift)
    code, offset = position(body)
    pause, state = _suspension(code, offset)
    frozen = freeze(body, pause, _handled(generator, body, pause))
    if state == "suspended":
        plan = frozen.plan
        plan = FramePlan(
            plan.code, plan.target, -1, plan.filled, plan.kinds + "o", plan.empty, "push", plan.line
        )
        # one more entry for the stack: it is yielded again, to nobody, when this is rebuilt
        frozen = FrozenFrame(plan, [*frozen.values, None])
    return describe(generator, frozen, state), frozen.values


def _freeze_unstarted(
    generator: Any, code: CodeType, plan: FramePlan, shift: int
) -> tuple[GeneratorPlan, list[Any]]:
    holder: list[Any] = code.co_consts[-2].__self__
    values = holder[::-1]
    first = len(plan.filled)
    stack = [k for i, k in enumerate(plan.kinds) if i not in plan.empty]
    values[first:] = [
        value - shift // 2 if kind == "l" else value
        for kind, value in zip(stack, values[first:], strict=True)
    ]
    return describe(generator, FrozenFrame(plan, values), "created"), values


def _suspension(code: CodeType, offset: int) -> tuple[Pause, str]:
    found = facts(code)
    if _not_started(found.instructions, offset):
        first = next(i for i in found.instructions if i.opname == "RETURN_GENERATOR")
        return Pause(found.at(first.following).following, -1, "", "push"), "created"
    instruction = found.at(offset)
    if instruction.opname == "RESUME":  # 3.13 already points behind the yield
        instruction = _before(found.instructions, instruction)
    if instruction.opname != "YIELD_VALUE":
        raise InternalError(f"{code.co_qualname} is suspended at {instruction.opname}")
    before = _before(found.instructions, instruction)
    if before.opname == "ASYNC_GEN_WRAP" or (
        before.opname == "CALL_INTRINSIC_1" and before.arg == _ASYNC_GEN_WRAP
    ):
        instruction = before
    kinds = found.kinds[instruction.start]
    return Pause(instruction.start, -1, kinds[:-1], "push"), "suspended"


def _before(instructions: list[Instruction], instruction: Instruction) -> Instruction:
    return instructions[instructions.index(instruction) - 1]


def _not_started(instructions: list[Instruction], offset: int) -> bool:
    return all(i.opname in _BEFORE_START for i in instructions if i.start <= offset)


def _handled(generator: Any, frame: FrameType, pause: Pause) -> list[Any]:
    """Return the exception above each ``p`` slot of a suspended body, deepest first."""
    count = pause.kinds.count("p")
    if not count or saved_depth(frame) <= 0:
        return []
    return [*previous_exceptions(frame, pause)[1:], handled_by(generator)]


def shell_generator(plan: GeneratorPlan) -> Any:
    """Make the generator of ``plan`` without its values; do not advance it before it is filled."""
    if plan.frame is None:
        return _closed(plan)
    code, holder, shift = continuation(plan.frame)
    namespace = plan.namespace if plan.namespace is not None else {}
    generator = function_of(code, namespace, plan.name, plan.qualname)()
    _shells[id(generator)] = plan, holder, shift
    return generator


_shells: dict[int, tuple[GeneratorPlan, list[Any], int]] = {}


def fill_generator(
    generator: Any,
    values: list[Any],
    inner: Any = None,
    adapter: Any = None,
    before: tuple[Any, ...] = (),
) -> None:
    """Give a shell its values, and advance it to the yield at which it stood.

    A running one stays unstarted; ``inner`` is the continuation that its body was waiting for.
    """
    found = _shells.pop(id(generator), None)
    if found is None:
        return
    plan, holder, shift = found
    if plan.frame is None:
        return
    holder.extend(handover(plan.frame, values, shift, inner, adapter, before))
    if plan.state == "suspended":
        _advance(generator, plan.flavor)
    if plan.flags is not None:
        fields.write(generator, _FLAGS, *plan.flags)


def _advance(generator: Any, flavor: str) -> None:
    try:
        if flavor == "async_generator":
            generator.asend(None).send(None)
        else:
            generator.send(None)
    except (StopIteration, StopAsyncIteration):
        return


def _closed(plan: GeneratorPlan) -> Any:
    made = {"generator": _no_items, "coroutine": _no_wait, "async_generator": _no_async_items}
    generator = made[plan.flavor]()
    _advance(generator, plan.flavor)
    generator.__name__, generator.__qualname__ = plan.name, plan.qualname
    if plan.flags is not None:
        fields.write(generator, _FLAGS, *plan.flags)
    return generator


def _no_items() -> Any:
    yield from ()


async def _no_wait() -> None:
    pass


async def _no_async_items() -> Any:
    nothing: tuple[Any, ...] = ()
    for item in nothing:
        yield item
