"""Code objects: their instructions, and the way back from a continuation to its original.

A *continuation* (see `assembler`) is a changed code object: a prologue in front of the original
bytecode. Whoever meets one in a live frame or a function asks `original` for the code the user
wrote; the continuation's offsets differ from the original's by its shift.
"""

from __future__ import annotations

import ctypes
import dis
import weakref
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType

OPTIMIZED = 0x1
VARARGS = 0x4
VARKEYWORDS = 0x8
GENERATOR = 0x20
COROUTINE = 0x80
ASYNC_GENERATOR = 0x200
GENERATOR_LIKE = GENERATOR | COROUTINE | ASYNC_GENERATOR


class Instruction(NamedTuple):
    """One instruction without its caches; ``start`` includes its ``EXTENDED_ARG`` prefixes."""

    offset: int
    start: int
    opname: str
    opcode: int
    arg: int | None
    jump_target: int | None
    following: int
    """Offset of the next instruction's start, behind the inline caches."""


class ExceptionEntry(NamedTuple):
    """One row of the exception table; byte offsets, ``end`` exclusive."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


@dataclass(slots=True)
class CodeFacts:
    """What static reading of one code object gives; see `depth` for ``kinds``."""

    instructions: list[Instruction]
    offsets: list[int]
    by_start: dict[int, Instruction]
    table: list[ExceptionEntry]
    kinds: dict[int, str]

    def at(self, offset: int) -> Instruction:
        """Return the instruction whose code unit, prefix or cache lies at ``offset``."""
        return self.instructions[bisect_right(self.offsets, offset) - 1]


class _Origin(NamedTuple):
    code: CodeType
    shift: int
    call_offset: int
    plan: Any


_origins: dict[int, tuple[weakref.ref[CodeType], _Origin]] = {}


def remember_origin(
    continuation: CodeType, code: CodeType, *, shift: int, call_offset: int, plan: Any
) -> None:
    """Note that ``continuation`` is ``shift`` bytes of prologue before ``code``.

    ``call_offset`` is where the prologue calls the inner continuation (-1 when it does not).
    """
    key = id(continuation)
    ref = weakref.ref(continuation, lambda _: _origins.pop(key, None))
    _origins[key] = ref, _Origin(code, shift, call_offset, plan)


def origin(code: CodeType) -> _Origin | None:
    """Return where a continuation comes from; ``None`` for code as the compiler made it."""
    found = _origins.get(id(code))
    return found[1] if found is not None and found[0]() is code else None


def original(code: CodeType) -> CodeType:
    """Return the code object as the compiler made it."""
    found = origin(code)
    return found.code if found is not None else code


def slot_count(code: CodeType) -> int:
    """Return the number of local, cell and free slots in front of the value stack."""
    return len(slot_names(code))


def slot_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of the slots, in order: locals, cells that are no locals, free variables."""
    names = code.co_varnames
    return names + tuple(c for c in code.co_cellvars if c not in names) + code.co_freevars


def read_instructions(code: CodeType) -> list[Instruction]:
    """Disassemble ``code`` into instructions without caches, prefixes folded in."""
    found: list[Instruction] = []
    start: int | None = None
    rows = list(dis.get_instructions(code, show_caches=False))
    ends = [row.offset for row in rows[1:]] + [len(code.co_code)]
    for row, end in zip(rows, ends, strict=True):
        if start is None:
            start = row.offset
        if row.opname == "EXTENDED_ARG":
            continue
        jump = row.argval if row.opcode in _JUMPS else None
        found.append(Instruction(row.offset, start, row.opname, row.opcode, row.arg, jump, end))
        start = None
    return found


_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


def read_exception_table(code: CodeType) -> list[ExceptionEntry]:
    """Decode the exception table (varints of six bits, high bit first).

    Source:
        ``Objects/exception_handling_notes.txt``.
    """
    data = iter(code.co_exceptiontable)
    rows = []

    def number(first: int) -> int:
        value = first & 63
        while first & 64:
            first = next(data)
            value = value << 6 | first & 63
        return value

    for byte in data:
        start = number(byte) * 2
        length = number(next(data)) * 2
        target = number(next(data)) * 2
        depth_lasti = number(next(data))
        rows.append(
            ExceptionEntry(start, start + length, target, depth_lasti >> 1, bool(depth_lasti & 1))
        )
    return rows


def bare_frame(
    code: CodeType, namespace: dict[str, Any], local_values: dict[str, Any] | None
) -> FrameType:
    """Make a frame object that never runs: what a rebuilt traceback points at.

    Source:
        ``PyFrame_New``, ``Include/cpython/frameobject.h``.
    """
    frame: FrameType = _new_frame(_thread_state(), original(code), namespace, local_values or {})
    return frame


_api = ctypes.PyDLL(None)
"""Our own door: what is set on functions of ``ctypes.pythonapi`` would reach the program."""
_new_frame = _api.PyFrame_New
_new_frame.restype = ctypes.py_object
_new_frame.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object, ctypes.py_object]
_thread_state = _api.PyThreadState_Get
_thread_state.restype = ctypes.c_void_p
_thread_state.argtypes = []
