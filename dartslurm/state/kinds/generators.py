"""Generators, coroutines and async generators: the frame inside, in two steps.

The reduction makes the object, the deferred state gives it its values. One that is running on the
stack is not read here: the capture has frozen it with the stack and tells us plan and values.
"""

from __future__ import annotations

import sys
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter import fields
from dartslurm.interpreter.assembler import FramePlan
from dartslurm.interpreter.code import bare_frame, origin
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.frames import is_running
from dartslurm.interpreter.generators import (
    GeneratorPlan,
    fill_generator,
    freeze_generator,
    shell_generator,
)
from dartslurm.state.contract import Reduction, Writer, veto

if TYPE_CHECKING:
    from types import CodeType

_AWAITABLES = list(fields.AWAITABLES)


def reduce_generator(generator: Any, writer: Writer) -> Reduction:
    """Reduce a generator-like object."""
    frozen = writer.running.get(id(generator))
    if frozen is not None:
        return shell_generator, (frozen[0],)
    if is_running(generator):
        veto(f"generator {generator.__qualname__} is running outside the stack",
             lambda: is_running(generator))  # fmt: skip
    plan, values = freeze_generator(generator)
    if values:
        writer.defer(fill_generator, generator, values)
    elif plan.frame is not None:
        writer.defer(fill_generator, generator, [])
    return shell_generator, (plan,)


def reduce_plan(plan: Any, _writer: Writer) -> Reduction:
    """Reduce a plan: its arguments need no filling before, and lead back to the generator."""
    return type(plan), tuple(getattr(plan, name) for name in type(plan).__match_args__)


def reduce_awaitable(awaitable: Any, writer: Writer) -> Reduction:
    """Reduce what an async generator gives to be awaited."""
    writer.defer(
        fill_awaitable, awaitable, fields.read(awaitable, fields.AWAITABLES[type(awaitable)])
    )
    return fields.make_awaitable, (_AWAITABLES.index(type(awaitable)),)


def fill_awaitable(awaitable: Any, state: fields.State) -> None:
    """Give an awaitable its fields."""
    fields.write(awaitable, fields.AWAITABLES[type(awaitable)], *state)


def reduce_hooks(hooks: Any, _writer: Writer) -> Reduction:
    """Reduce the tuple that ``sys.get_asyncgen_hooks`` gives."""
    return make_hooks, tuple(hooks)


def make_hooks(first: Any, finalizer: Any) -> Any:
    """Rebuild it: only the interpreter makes such tuples."""
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(first, finalizer)
    made = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(*before)
    return made


def reduce_frame(frame: FrameType, _writer: Writer) -> Reduction:
    """Reduce a frame that has ended: enough for a traceback's text."""
    return bare_frame, (frame.f_code, frame.f_globals, None)


def reduce_traceback(traceback: TracebackType, _writer: Writer) -> Reduction:
    """Reduce a traceback, the whole chain at once."""
    rows = []
    entry: TracebackType | None = traceback
    while entry is not None:
        offset = _offset_as_written(entry.tb_frame.f_code, entry.tb_lasti)
        rows.append((entry.tb_frame, offset, entry.tb_lineno))
        entry = entry.tb_next
    return make_traceback, (rows,)


def _offset_as_written(code: CodeType, offset: int) -> int:
    found = origin(code)
    if found is None:
        return offset
    if offset < found.shift and found.plan.has_inner:  # it came out of the frame called from there
        return facts(found.code).at(found.plan.call_site).offset
    return max(offset - found.shift, -1)


def make_traceback(rows: list[tuple[FrameType, int, int]]) -> TracebackType | None:
    """Rebuild a chain of tracebacks."""
    chain: TracebackType | None = None
    for frame, offset, line in reversed(rows):
        chain = TracebackType(chain, frame, offset, line)
    return chain


REDUCERS: dict[type, Any] = {
    **dict.fromkeys((GeneratorType, CoroutineType, AsyncGeneratorType), reduce_generator),
    **dict.fromkeys((FramePlan, GeneratorPlan), reduce_plan),
    **dict.fromkeys(_AWAITABLES, reduce_awaitable),
    type(sys.get_asyncgen_hooks()): reduce_hooks,
    FrameType: reduce_frame,
    TracebackType: reduce_traceback,
}
