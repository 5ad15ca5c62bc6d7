"""How deep the value stack is at every instruction, and what kind of thing each slot holds.

CPython does not store the depth of a running frame; it follows from the bytecode. A forward pass
over jumps and the exception table gives each instruction one *shape*: a string with one letter a
slot. A wrong shape reads freed memory, so the pass refuses (`InternalError`) whatever does not
come out consistent, and a test proves it over the whole standard library.

Letters: ``o`` an object (or NULL), ``i`` an iterator, ``w`` the exit of a ``with``, ``p`` the
exception that was being handled before (put there
by ``PUSH_EXC_INFO``), ``e`` the exception above it, ``l`` an instruction offset that ``RERAISE``
reads (it moves with the prologue).
"""

from __future__ import annotations

import dis
import weakref
from typing import TYPE_CHECKING

from dartslurm.errors import InternalError
from dartslurm.interpreter.code import (
    CodeFacts,
    ExceptionEntry,
    Instruction,
    read_exception_table,
    read_instructions,
)
from dartslurm.interpreter.layouts import LAYOUT

if TYPE_CHECKING:
    from types import CodeType

_ENDS = frozenset(
    "RETURN_VALUE RETURN_CONST RAISE_VARARGS RERAISE INTERPRETER_EXIT JUMP_FORWARD JUMP_BACKWARD "
    "JUMP_BACKWARD_NO_INTERRUPT".split()
)

_facts: dict[int, tuple[weakref.ref[CodeType], CodeFacts]] = {}


def facts(code: CodeType) -> CodeFacts:
    """Return the instructions, the exception table and the shapes of ``code`` (cached)."""
    known = _facts.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    instructions = read_instructions(code)
    table = read_exception_table(code)
    found = CodeFacts(
        instructions,
        [i.start for i in instructions],
        {i.start: i for i in instructions},
        table,
        _shapes(code, instructions, table),
    )
    key = id(code)
    _facts[key] = weakref.ref(code, lambda _: _facts.pop(key, None)), found
    return found


def handler_of(table: list[ExceptionEntry], offset: int) -> ExceptionEntry | None:
    """Return the entry whose handler an exception raised at ``offset`` goes to."""
    for entry in table:
        if entry.start <= offset < entry.end:
            return entry
    return None


def _shapes(
    code: CodeType, instructions: list[Instruction], table: list[ExceptionEntry]
) -> dict[int, str]:
    index = {i.start: k for k, i in enumerate(instructions)}
    shapes: dict[int, str] = {}
    todo: list[tuple[int, str]] = [(0, "")]
    while todo:
        offset, shape = todo.pop()
        while True:
            known = shapes.get(offset)
            if known is not None:
                if len(known) != len(shape):
                    raise InternalError(
                        f"value stack of {code.co_qualname} at {offset} is both "
                        f"{len(known)} and {len(shape)} deep",
                        kind="internal",
                    )
                break
            shapes[offset] = shape
            instruction = instructions[index[offset]]
            handler = handler_of(table, instruction.offset)
            if handler is not None and handler.target not in shapes:
                todo.append((handler.target, shape[: handler.depth] + "l" * handler.lasti + "o"))
            if instruction.jump_target is not None:
                todo.append((instruction.jump_target, _after(instruction, shape, jump=True)))
            if instruction.opname in _ENDS or instruction.following not in index:
                break
            offset, shape = instruction.following, _after(instruction, shape, jump=False)
    return shapes


def _after(instruction: Instruction, shape: str, *, jump: bool) -> str:
    """Return the shape behind one instruction."""
    name, arg = instruction.opname, instruction.arg or 0
    if name == "PUSH_EXC_INFO":
        return shape[:-1] + "pe"
    if name == "COPY":
        return shape + shape[-arg]
    if name == "SWAP":
        slots = list(shape)
        slots[-1], slots[-arg] = slots[-arg], slots[-1]
        return "".join(slots)
    if name == "GET_ITER":
        return shape[:-1] + "i"
    if name == "BEFORE_WITH":
        return shape[:-1] + "wo"
    effect = _effect(instruction, jump=jump)
    if effect < 0:
        return shape[:effect]
    return shape + "o" * effect


def _effect(instruction: Instruction, *, jump: bool) -> int:
    name = instruction.opname
    if name == "RETURN_GENERATOR" and LAYOUT.generator_pushes_on_return:
        return 1
    if LAYOUT.has_precall:
        if name == "PRECALL":
            return 0
        if name == "CALL":
            return -(instruction.arg or 0) - 1
    return dis.stack_effect(instruction.opcode, instruction.arg, jump=jump)
