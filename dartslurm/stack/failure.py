"""The start of the failing statement, from the traceback of an uncaught exception.

When the exception arrives at the bottom, the frames have been unwound: their locals are still
there, their value stacks are gone. A frame can go on from a statement whose value stack is empty,
if every caller below has nothing on its own stack but the call. That is what a program that fails
on its last line looks like; anything else is `Blocked`, and the newest periodic version serves.

A ``with`` around the failing line has been left; the statement that is started again is then the
``with`` itself. A ``for`` around it is not started again: its iterator has moved on.

Watching for exceptions as they are raised would see the stacks before they are unwound, but costs
every program that uses exceptions for control flow; see docs/decisions/0004-failing-statement.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import GENERATOR_LIKE, Instruction, origin
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.freeze import Pause, freeze
from dartslurm.stack.callables import CALLS
from dartslurm.stack.image import FrameImage, StackImage
from dartslurm.stack.links import Blocked, Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType

_RESTARTABLE = frozenset("ow")
_NAMING = frozenset(
    "LOAD_GLOBAL LOAD_NAME LOAD_ATTR LOAD_METHOD LOAD_FAST LOAD_DEREF LOAD_FAST_CHECK".split()
)


def freeze_failure(
    traceback: TracebackType | None, is_user: Callable[[CodeType], bool]
) -> StackImage | Blocked:
    """Freeze the program at the start of the statement that failed.

    ``traceback`` begins with the program's outermost frame.
    """
    entries = _entries(traceback)
    while entries and not is_user(entries[-1][0].f_code):
        entries.pop()
    if not entries:
        raise ValueError("no frame of the user's in the traceback")
    images: list[FrameImage] = []
    for index, (frame, lasti) in enumerate(entries):
        if frame.f_code.co_flags & GENERATOR_LIKE:
            return Blocked("a generator failed", frame)
        callee = entries[index + 1][0] if index + 1 < len(entries) else None
        pause = _call(frame, lasti, callee) if callee is not None else _restart(frame, lasti)
        if pause is None:
            return Blocked("the value stack was unwound", frame)
        images.append(FrameImage(frame, freeze(frame, pause, []), Link(pause), None))
        images[-1].line = _line(frame.f_code, lasti)
    return StackImage(images, {})


def _entries(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    found = []
    while traceback is not None:
        found.append((traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    return found


def _line(code: CodeType, lasti: int) -> int:
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno


def _original(frame: FrameType, lasti: int) -> tuple[CodeType, int]:
    found = origin(frame.f_code)
    if found is None:
        return frame.f_code, lasti
    offset = lasti - found.shift
    return found.code, offset if offset >= 0 else found.plan.call_site


def _restart(frame: FrameType, lasti: int) -> Pause | None:
    code, offset = _original(frame, lasti)
    found = facts(code)
    failing = found.at(offset)
    if not set(found.kinds[failing.start]) <= _RESTARTABLE:
        return None
    lines = {start for start, _, line in code.co_lines() if line is not None}
    for instruction in reversed(found.instructions[: found.instructions.index(failing) + 1]):
        if instruction.start in lines and found.kinds.get(instruction.start) == "":
            return Pause(instruction.start, -1, "", "push")
    return None


def _call(frame: FrameType, lasti: int, callee: FrameType) -> Pause | None:
    code, offset = _original(frame, lasti)
    found = facts(code)
    instruction = found.at(offset)
    if instruction.opname == "PRECALL":
        instruction = found.by_start[instruction.following]
    if instruction.opname not in CALLS:
        return None
    after = found.kinds.get(instruction.following, "?")
    if after != "o" or _callable_name(code, instruction) != callee.f_code.co_name:
        return None
    return Pause(instruction.following, instruction.offset, "", "push")


def _callable_name(code: CodeType, call: Instruction) -> Any:
    """Return the name by which the function of a call was loaded, if it was loaded by one."""
    found = facts(code)
    below = len(found.kinds[found.at(call.offset).start]) - (call.arg or 0)
    if call.opname == "CALL_FUNCTION_EX":
        below = 2
    index = found.instructions.index(call)
    for instruction in reversed(found.instructions[:index]):
        depth = len(found.kinds[instruction.following])
        if instruction.opname in _NAMING and depth <= max(below, 2):
            return _name(code, instruction)
    return None


def _name(code: CodeType, instruction: Instruction) -> str:
    import dis

    for row in dis.get_instructions(code):
        if row.offset == instruction.offset:
            return str(row.argval)
    return ""
