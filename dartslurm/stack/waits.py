"""C calls in which a thread may be frozen: those that can be executed once more.

Takes the innermost frame of a thread that waits inside a C function; gives the `Link` by which
the thread executes the call again, or a `Blocked`. A call qualifies when whatever it does happens
*after* the wait, under the GIL: a lock, a queue, a sleep, a poll. Whoever asks has to know that the
thread is inside the call (`safepoint.rest` looks at the kernel), because a frame alone does not
tell "inside" from "just behind": the operands may be gone. The lowest slot, where the value will
lie, is always safe to read.
"""

from __future__ import annotations

import _queue
import _thread
import sys
from types import BuiltinFunctionType, MethodDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any

from dartslurm.errors import NotYetError
from dartslurm.interpreter.frames import NULL, head, slot
from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.stack import callables
from dartslurm.stack.links import Blocked, Call, Link, interrupted

if TYPE_CHECKING:
    from types import FrameType

_LOCK = type(_thread.allocate_lock())
_ACQUIRE = ("acquire", "acquire_lock", "__enter__")
_METHODS: dict[type, tuple[str, ...]] = {
    _LOCK: _ACQUIRE,
    _thread.RLock: (*_ACQUIRE, "_acquire_restore"),
    _queue.SimpleQueue: ("get",),
    getattr(_thread, "_ThreadHandle", _LOCK): (*_ACQUIRE, "join"),
}
_BUILTIN: tuple[type, ...] = (BuiltinFunctionType, type(_queue.SimpleQueue().get))
"""The second is what a method becomes that is told its class."""
_REPEATER = type(iter(int, 1))
_FUNCTIONS = frozenset((("time", "sleep"), ("select", "select")))
_POLLS = frozenset(("epoll", "poll"))


def link_waiting(frame: FrameType, left_seconds: float | None = None) -> Link | Blocked:
    """Tell how a thread whose innermost frame is ``frame`` executes its C call again.

    ``left_seconds`` replaces the call's timeout, where the kernel knows what is left of it.
    """
    call = interrupted(frame)
    if isinstance(call, Blocked):
        return call
    try:
        if call.instruction.opname == "BEFORE_WITH":
            return _entering(call)
        if call.instruction.opname in callables.CALLS and _is_inside(call):
            return _calling(call, left_seconds)
        if call.instruction.opname == "FOR_ITER":
            return _repeating(call)
    except NotYetError:
        pass
    return Blocked(f"waits in {call.instruction.opname}", frame)


def _entering(call: Call) -> Link | Blocked:
    manager = call.operand(1)
    if LAYOUT.exit_before_enter:
        manager = getattr(manager, "__self__", None)
    if type(manager) not in (_LOCK, _thread.RLock):
        return Blocked("waits in with", call.frame)
    return Link(call.again(), "again", given={len(call.kinds) - 1: manager})


def _repeating(call: Call) -> Link | Blocked:
    """``for item in iter(queue.get, None)``: nothing has come of the call that waits."""
    iterator = call.operand(1)
    function = iterator.__reduce__()[1][0] if type(iterator) is _REPEATER else None
    if not _qualifies(function):
        return Blocked("waits in for", call.frame)
    return Link(call.again(), "again")


def _is_inside(call: Call) -> bool:
    """Tell whether the operands are still there: the value lies in the lowest slot otherwise."""
    argument = call.instruction.arg or 0
    if call.instruction.opname == "CALL_FUNCTION_EX":
        height = 3 + (argument & 1)
        index = call.first + len(call.kinds) - height + 2
        if head(call.base, index)[1] != id(tuple):
            return False  # the call has made a tuple of it, and perhaps let go of what it was
    else:
        height = argument + 2 + (call.instruction.opname == "CALL_KW")
    lowest = call.operand(height)
    if lowest is NULL:
        return not LAYOUT.null_after_callable
    return _qualifies(lowest)


def _calling(call: Call, left_seconds: float | None) -> Link | Blocked:
    function, arguments = callables.operands(call)
    if not _qualifies(function):
        return Blocked(f"waits in {callables.describe(function)}", call.frame)
    given = None
    if left_seconds is not None:
        index = _timeout_index(call, function, list(arguments.keywords))
        if index is not None and type(slot(call.base, call.first + index)) in (int, float):
            given = {index: max(0.0, left_seconds)}
    return Link(call.again(), "again", given=given)


def _timeout_index(call: Call, function: Any, names: list[str]) -> int | None:
    """Return the place of the timeout in the value stack: by its name, a poll's first, or last."""
    count = call.instruction.arg or 0
    if call.instruction.opname == "CALL_FUNCTION_EX" or not count:
        return None
    end = len(call.kinds) - (call.instruction.opname == "CALL_KW")
    if names:
        return end - len(names) + names.index("timeout") if "timeout" in names else None
    return end - count if function.__name__ == "poll" else end - 1


def _qualifies(function: Any) -> bool:
    if type(function) is MethodDescriptorType:
        owner: type = function.__objclass__
    elif type(function) in _BUILTIN:
        holder: Any = function.__self__
        if type(holder) is ModuleType:
            return (holder.__name__, function.__name__) in _FUNCTIONS
        owner = type(holder)
    else:
        return False
    if owner in _METHODS:
        return function.__name__ in _METHODS[owner]
    return owner.__module__ == "select" and owner.__name__ in _POLLS and "select" in sys.modules
