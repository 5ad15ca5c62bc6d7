"""Continuations: code objects that go on in the middle of a function.

A continuation is ``prologue + original bytecode``. The prologue loads the locals and cells,
pushes the value stack, calls the continuation of the inner frame where there is one, treats its
value as the interrupted instruction would have, and jumps to the instruction where the frame goes
on. Since 3.11 jumps are relative and ``try`` is a side table, so the body stays as it is; the
exception table and the line table are moved by the prologue's length.

Three things are easy to get wrong:

* *The values must die when the frame lets go of them.* Constants live as long as the code object,
  so they are handed over through a list whose ``pop`` is the only constant; each value leaves the
  list as its slot is filled. ``list.pop`` is a C function: it adds no frame and no line event.
* *Tracebacks must stay true.* The prologue's call carries the line and columns of the call that
  it stands for, and an entry of the exception table that leads to the same handler.
* *A handled exception lives outside the frame* (``sys.exc_info()``), and the slot of kind ``p``
  holds the one before it. The slot is rebuilt by pushing the handled exception and executing
  ``PUSH_EXC_INFO``, so that the interpreter itself sets both; the plan's value for a ``p`` slot is
  therefore the exception being handled *above* it. Offsets of kind ``l`` move with the prologue.

Source:
    ``Objects/exception_handling_notes.txt``, ``Objects/locations.md`` of CPython 3.11 to 3.13.
"""

from __future__ import annotations

import opcode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import (
    GENERATOR_LIKE,
    OPTIMIZED,
    VARARGS,
    VARKEYWORDS,
    ExceptionEntry,
    remember_origin,
)
from dartslurm.interpreter.depth import facts, handler_of
from dartslurm.interpreter.layouts import LAYOUT

if TYPE_CHECKING:
    from types import CodeType

_OP = opcode.opmap


@dataclass(frozen=True, slots=True)
class FramePlan:
    """The fixed part of a frozen frame: where it stands and which slots are filled.

    ``after`` says what becomes of the value that the inner frame returns: ``push`` it, ``drop``
    it, ``replace`` it by a saved object, ``apply`` a saved function to it, or ``iterate``: push
    it as the next item, and leave the loop when ``StopIteration`` comes instead.
    ``call_site`` is the offset of the call in progress (-1: none); ``target`` where to go on.
    """

    code: CodeType
    target: int
    call_site: int
    filled: tuple[int, ...]
    kinds: str
    empty: tuple[int, ...]
    after: str
    line: int
    before: int = 0
    """How many functions the prologue calls before it enters the inner frame."""

    @property
    def has_inner(self) -> bool:
        """Whether the frame was in the middle of a call when it was frozen."""
        return self.call_site >= 0


@dataclass(slots=True)
class _Writer:
    code: bytearray = field(default_factory=bytearray)

    def emit(self, name: str, arg: int = 0) -> None:
        self.code += instruction(name, arg)

    def push_null_before(self) -> None:
        if not LAYOUT.null_after_callable:
            self.emit("PUSH_NULL")

    def call(self, count: int) -> None:
        """Call what was pushed after `push_null_before`, with ``count`` arguments on top."""
        if LAYOUT.has_precall:
            self.emit("PRECALL", count)
        self.emit("CALL", count)

    def take(self, pop: int) -> None:
        """Push the next value of the holder; ``pop`` is the index of its constant."""
        self.push_null_before()
        self.emit("LOAD_CONST", pop)
        if LAYOUT.null_after_callable:
            self.emit("PUSH_NULL")
        self.call(0)

    def take_callable(self, pop: int) -> None:
        """Push the next value of the holder as a function about to be called."""
        self.push_null_before()
        self.take(pop)
        if LAYOUT.null_after_callable:
            self.emit("PUSH_NULL")


def instruction(name: str, arg: int = 0) -> bytes:
    """Encode one instruction with its prefixes and empty inline caches."""
    out = bytearray()
    for shift in (24, 16, 8):
        if arg >> shift:
            out += bytes((_OP["EXTENDED_ARG"], arg >> shift & 255))
    out += bytes((_OP[name], arg & 255))
    out += bytes(2 * _cache_units(name))
    return bytes(out)


def _cache_units(name: str) -> int:
    entries = opcode._inline_cache_entries  # type: ignore[attr-defined]
    units: int = entries.get(name, 0) if isinstance(entries, dict) else entries[_OP[name]]
    return units


def handover(
    plan: FramePlan,
    values: list[Any],
    shift: int,
    inner: Any,
    adapter: Any,
    before: tuple[Any, ...] = (),
) -> list[Any]:
    """Return the holder's content for ``plan``, in the order in which ``list.pop`` gives it.

    ``values`` are the filled slots, then the rebuilt entries of the value stack.
    """
    first = len(plan.filled)
    stack = [k for i, k in enumerate(plan.kinds) if i not in plan.empty]
    moved = [
        value + shift // 2 if kind == "l" else value
        for kind, value in zip(stack, values[first:], strict=True)
    ]
    order = values[:first] + moved + list(before)
    if plan.has_inner:
        if plan.after == "apply":
            order.append(adapter)
        order.append(inner)
        if plan.after == "replace":
            order.append(adapter)
    order.reverse()
    return order


def continuation(plan: FramePlan) -> tuple[CodeType, list[Any], int]:
    """Assemble the continuation of ``plan``.

    Returns:
        The code, its holder (to be filled with `handover` before the code runs), and the length
        of the prologue in bytes.
    """
    holder: list[Any] = []
    code = plan.code
    pop = len(code.co_consts)
    writer = _Writer()
    if code.co_flags & GENERATOR_LIKE:
        writer.emit("RETURN_GENERATOR")
        writer.emit("POP_TOP")
    writer.emit("RESUME", 0)
    _load_slots(writer, plan, pop)
    _push_stack(writer, plan, pop)
    for _ in range(plan.before):
        writer.take_callable(pop)
        writer.call(0)
        writer.emit("POP_TOP")
    call_start, call_end = _call_inner(writer, plan, pop)
    tail, handler_start = _tail(writer, plan, pop + 1)
    prologue = bytes(writer.code) + tail
    shift = len(prologue)
    changed = code.replace(
        co_code=prologue + code.co_code,
        co_consts=(*code.co_consts, holder.pop, StopIteration),
        co_exceptiontable=_table(plan, shift, call_start, call_end, handler_start),
        co_linetable=_lines(plan, shift, call_start, call_end) + code.co_linetable,
        co_stacksize=code.co_stacksize + 8,
    )
    remember_origin(changed, code, shift=shift, call_offset=call_start, plan=plan)
    return changed, holder, shift


def _load_slots(writer: _Writer, plan: FramePlan, pop: int) -> None:
    code = plan.code
    for index in plan.filled:
        writer.take(pop)
        writer.emit("STORE_FAST", index)
    if not code.co_flags & OPTIMIZED:
        return
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & VARARGS) + bool(code.co_flags & VARKEYWORDS)
    for index in range(arguments):
        if index not in plan.filled:  # the program had deleted this argument
            writer.emit("DELETE_FAST", index)


def _push_stack(writer: _Writer, plan: FramePlan, pop: int) -> None:
    for index, kind in enumerate(plan.kinds):
        if index in plan.empty:
            writer.emit("PUSH_NULL")
        else:
            writer.take(pop)
            if kind == "p":
                writer.emit("PUSH_EXC_INFO")
                writer.emit("POP_TOP")


def _call_inner(writer: _Writer, plan: FramePlan, pop: int) -> tuple[int, int]:
    if not plan.has_inner:
        return -1, -1
    if plan.after == "apply":
        writer.take_callable(pop)
    start = len(writer.code)
    writer.take_callable(pop)
    writer.call(0)
    end = len(writer.code)
    if plan.after in ("drop", "replace"):
        writer.emit("POP_TOP")
    if plan.after == "replace":
        writer.take(pop)
    if plan.after == "apply":
        writer.call(1)
        end = len(writer.code)
    return start, end


def _tail(writer: _Writer, plan: FramePlan, stop_iteration: int) -> tuple[bytes, int]:
    """Return the jump into the body (and the loop's exit), and where the exit's handler begins."""
    head = len(writer.code)
    leave = -1
    if plan.has_inner and plan.after == "iterate":
        loop = facts(plan.code).at(plan.call_site)
        leave = (loop.jump_target or 0) + 2 * LAYOUT.end_for_units
    shift = head
    while True:
        tail, handler = _assemble_tail(plan.target, leave, head, shift, stop_iteration)
        if head + len(tail) == shift:
            return tail, head + handler
        shift = head + len(tail)


def _assemble_tail(
    target: int, leave: int, head: int, shift: int, stop_iteration: int
) -> tuple[bytes, int]:
    def jump(position: int, goal: int) -> bytes:
        # At some distances a longer jump needs no prefix any more: it keeps an idle one.
        for length in (2, 4, 6, 8):
            made = instruction("JUMP_FORWARD", max(0, (goal - position - length) // 2))
            if len(made) <= length:
                break
        return instruction("EXTENDED_ARG") * ((length - len(made)) // 2) + made

    tail = jump(head, shift + target)
    handler = len(tail)
    if leave < 0:
        return tail, handler
    other = instruction("SWAP", 2) + instruction("POP_EXCEPT") + instruction("RERAISE", 0)
    matched = instruction("POP_TOP") + instruction("POP_EXCEPT") + instruction("POP_TOP")
    tail += instruction("PUSH_EXC_INFO") + instruction("LOAD_CONST", stop_iteration)
    tail += instruction("CHECK_EXC_MATCH")
    branch = "POP_JUMP_FORWARD_IF_FALSE" if LAYOUT.has_precall else "POP_JUMP_IF_FALSE"
    gap = 0
    while True:
        skip = instruction(branch, gap)
        position = head + len(tail) + len(skip) + len(matched)
        exit_jump = jump(position, shift + leave)
        if (len(matched) + len(exit_jump)) // 2 == gap:
            return tail + skip + matched + exit_jump + other, handler
        gap = (len(matched) + len(exit_jump)) // 2


def _table(plan: FramePlan, shift: int, start: int, end: int, handler: int) -> bytes:
    rows: list[ExceptionEntry] = []
    table = facts(plan.code).table
    if start >= 0:
        site = facts(plan.code).at(plan.call_site).offset
        outer = handler_of(table, site)
        if plan.after == "iterate":
            rows.append(ExceptionEntry(start, end, handler, len(plan.kinds), lasti=False))
            start, end = handler, shift
        if outer is not None:
            goal = outer.target + shift
            rows.append(ExceptionEntry(start, end, goal, outer.depth, outer.lasti))
    rows.extend(
        ExceptionEntry(e.start + shift, e.end + shift, e.target + shift, e.depth, e.lasti)
        for e in table
    )
    return b"".join(_encode_entry(row) for row in rows)


def _encode_entry(row: ExceptionEntry) -> bytes:
    numbers = (
        row.start // 2, (row.end - row.start) // 2, row.target // 2, row.depth << 1 | row.lasti
    )  # fmt: skip
    out = bytearray()
    for index, value in enumerate(numbers):
        groups = [value & 63]
        while value := value >> 6:
            groups.append(value & 63)
        groups.reverse()
        encoded = bytearray(g | 64 for g in groups[:-1]) + bytes(groups[-1:])
        if index == 0:
            encoded[0] |= 128
        out += encoded
    return bytes(out)


def _lines(plan: FramePlan, shift: int, start: int, end: int) -> bytes:
    """Return the line table of the prologue: places only for the call, the original's."""
    if start < 0:
        return _no_place(shift)
    positions = list(plan.code.co_positions())
    site = facts(plan.code).at(plan.call_site).offset
    line, end_line, column, end_column = positions[site // 2]
    if line is None:
        return _no_place(shift)
    delta = line - plan.code.co_firstlineno
    out = _no_place(start)
    step = delta
    for units in _spans(end - start):
        if column is None or end_column is None or end_line is None:
            out += bytes((0x80 | 13 << 3 | units - 1,)) + _signed(step)
        else:
            out += bytes((0x80 | 14 << 3 | units - 1,)) + _signed(step)
            out += _unsigned(end_line - line) + _unsigned(column + 1) + _unsigned(end_column + 1)
        step = 0
    out += bytes((0x80 | 13 << 3,)) + _signed(-delta)  # one unit that leads back
    return out + _no_place(shift - end - 2)


def _spans(length: int) -> list[int]:
    units = length // 2
    return [8] * (units // 8) + ([units % 8] if units % 8 else [])


def _no_place(length: int) -> bytes:
    return b"".join(bytes((0x80 | 15 << 3 | units - 1,)) for units in _spans(length))


def _signed(value: int) -> bytes:
    return _unsigned((-value) << 1 | 1 if value < 0 else value << 1)


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value >= 64:
        out.append(64 | value & 63)
        value >>= 6
    out.append(value)
    return bytes(out)
