"""Generators, coroutines and async generators: the frame inside, in two steps.

The reduction makes the object, the deferred state gives it its values. One that is running on the
stack is not read here: the capture has frozen it with the stack and tells us plan and values.
"""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType, TracebackType
from typing import Any

from dartslurm.interpreter.code import bare_frame, origin
from dartslurm.interpreter.generators import fill_generator, freeze_generator, shell_generator
from dartslurm.state.contract import Reduction, Writer, veto

_RUNNING = {GeneratorType: "gi_running", CoroutineType: "cr_running",
            AsyncGeneratorType: "ag_running"}  # fmt: skip


def reduce_generator(generator: Any, writer: Writer) -> Reduction:
    """Reduce a generator-like object."""
    frozen = writer.running.get(id(generator))
    if frozen is not None:
        return shell_generator, (frozen[0],)
    name = _RUNNING[type(generator)]
    if getattr(generator, name):
        veto(f"generator {generator.__qualname__} is running outside the stack",
             lambda: bool(getattr(generator, name)))  # fmt: skip
    plan, values = freeze_generator(generator)
    if values:
        writer.defer(fill_generator, generator, values)
    elif plan.frame is not None:
        writer.defer(fill_generator, generator, [])
    return shell_generator, (plan,)


def reduce_frame(frame: FrameType, _writer: Writer) -> Reduction:
    """Reduce a frame that has ended: enough for a traceback's text."""
    return bare_frame, (frame.f_code, frame.f_globals, None)


def reduce_traceback(traceback: TracebackType, _writer: Writer) -> Reduction:
    """Reduce a traceback, the whole chain at once."""
    rows = []
    entry: TracebackType | None = traceback
    while entry is not None:
        found = origin(entry.tb_frame.f_code)
        shift = found.shift if found is not None else 0
        rows.append((entry.tb_frame, max(entry.tb_lasti - shift, -1), entry.tb_lineno))
        entry = entry.tb_next
    return make_traceback, (rows,)


def make_traceback(rows: list[tuple[FrameType, int, int]]) -> TracebackType | None:
    """Rebuild a chain of tracebacks."""
    chain: TracebackType | None = None
    for frame, offset, line in reversed(rows):
        chain = TracebackType(chain, frame, offset, line)
    return chain


REDUCERS: dict[type, Any] = {
    **dict.fromkeys(_RUNNING, reduce_generator),
    FrameType: reduce_frame,
    TracebackType: reduce_traceback,
}
