"""Read a live frame: its slots, its position, and who called it.

Takes frame objects of the *stopped* main thread; gives plain values. Nothing here changes the
program. Reading is by address, so every function trusts `LAYOUT`, which `selfcheck` has proved on
this interpreter before the first capture.
"""

from __future__ import annotations

from ctypes import c_char, c_int, c_ssize_t, c_void_p, cast, py_object
from typing import TYPE_CHECKING, Any, Final

from dartslurm.errors import NotYetError
from dartslurm.interpreter.code import GENERATOR_LIKE, origin, original, slot_count
from dartslurm.interpreter.layouts import (
    FRAME_POINTER,
    LAYOUT,
    OWNED_BY_C_STACK,
    OWNED_BY_GENERATOR,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


class Null:
    """An empty slot of a frame (a C ``NULL``); there is one, `NULL`."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "NULL"

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()
IMPORTLIB: Final = "<frozen importlib._bootstrap"
"""How the file names of the import system's own code begin."""
_NO_REFCOUNT = 1 << 40
"""No object has so many references; a freed one's first word is a pointer, or zero."""


def address(frame: FrameType) -> int:
    """Return the address of the interpreter's own frame behind ``frame``."""
    pointer: int = c_void_p.from_address(id(frame) + FRAME_POINTER).value or 0
    return pointer


def slot(base: int, index: int) -> Any:
    """Return slot ``index`` of the frame at ``base``: the object, or `NULL`.

    Raises:
        NotYetError: if the object is being destroyed.
    """
    pointer = c_void_p.from_address(base + LAYOUT.localsplus + 8 * index).value
    if not pointer:
        return NULL
    # An operand may already be popped; while the last reference to it goes, Python code can run
    # (``__del__``, closing a generator). Taking a reference then would free it twice.
    if not 0 < c_ssize_t.from_address(pointer).value < _NO_REFCOUNT:
        raise NotYetError("an operand is being destroyed")
    return cast(pointer, py_object).value


def type_at(base: int, index: int) -> int:
    """Return the address of the type of what slot ``index`` holds, without taking a reference."""
    pointer = c_void_p.from_address(base + LAYOUT.localsplus + 8 * index).value
    return (c_void_p.from_address(pointer + 8).value or 0) if pointer else 0


def slots(base: int, start: int, stop: int) -> list[Any]:
    """Return slots ``start`` to ``stop`` of the frame at ``base``."""
    return [slot(base, index) for index in range(start, stop)]


def local_namespace(frame: FrameType) -> Any:
    """Return the namespace in which a module's or a class body's code binds its names.

    ``frame.f_locals`` would be a view of it where a comprehension is running (3.13).
    """
    pointer = c_void_p.from_address(address(frame) + LAYOUT.local_namespace).value
    return cast(pointer, py_object).value if pointer else None


def saved_depth(frame: FrameType) -> int:
    """Return the depth that the interpreter saved, or -1 while the frame keeps it in a register."""
    top: int = c_int.from_address(address(frame) + LAYOUT.stacktop).value
    return -1 if top < 0 else top - slot_count(frame.f_code)


def is_called_directly(frame: FrameType) -> bool:
    """Tell whether Python bytecode entered ``frame`` without a C function in between."""
    base = address(frame)
    if LAYOUT.is_entry is not None:
        return c_char.from_address(base + LAYOUT.is_entry).value == b"\0"
    before = c_void_p.from_address(base + LAYOUT.previous).value
    while before and _owner(before) != OWNED_BY_C_STACK:
        caller = frame.f_back
        if caller is None or before == address(caller):
            return caller is not None
        before = c_void_p.from_address(before + LAYOUT.previous).value  # the shim of __init__
    return False


def has_init_shim(frame: FrameType) -> bool:
    """Tell whether a class call entered ``frame`` as ``__init__`` through a shim."""
    if LAYOUT.is_entry is not None or frame.f_back is None:
        return False
    before = c_void_p.from_address(address(frame) + LAYOUT.previous).value
    return bool(before and _owner(before) != OWNED_BY_C_STACK and before != address(frame.f_back))


def init_shim_object(frame: FrameType) -> Any:
    """Return the new object that waits in the shim below ``__init__``."""
    before = c_void_p.from_address(address(frame) + LAYOUT.previous).value or 0
    return slot(before, 0)


def entry_below(base: int) -> int:
    """Return the address of the first C-owned frame below the frame at ``base``, or 0 (3.12 on)."""
    before: int = c_void_p.from_address(base + LAYOUT.previous).value or 0
    while before and _owner(before) != OWNED_BY_C_STACK:
        before = c_void_p.from_address(before + LAYOUT.previous).value or 0
    return before


def _owner(base: int) -> int:
    return c_char.from_address(base + LAYOUT.owner).value[0]


def position(frame: FrameType) -> tuple[CodeType, int]:
    """Return the original code of ``frame`` and its instruction offset there.

    A negative offset means that the frame stands in a prologue of ours.
    """
    found = origin(frame.f_code)
    if found is None:
        return frame.f_code, frame.f_lasti
    return found.code, frame.f_lasti - found.shift


def generator_of(frame: FrameType) -> Any:
    """Return the generator (coroutine, async generator) whose body ``frame`` is, else ``None``.

    The interpreter's frame lies inside the generator object, at an offset measured once.
    """
    if not frame.f_code.co_flags & GENERATOR_LIKE:
        return None
    base = address(frame)
    if _owner(base) != OWNED_BY_GENERATOR:
        return None
    return cast(base - _GENERATOR_FRAME, py_object).value


def handled_by(generator: Any) -> Any:
    """Return the exception that the generator's body is handling, else ``None``."""
    pointer = c_void_p.from_address(id(generator) + LAYOUT.generator_exception).value
    return None if not pointer else cast(pointer, py_object).value


def handled_below(generator: Any) -> Any:
    """Return the exception that was being handled where a *running* generator was entered."""
    item = c_void_p.from_address(id(generator) + LAYOUT.generator_exception + 8).value
    pointer = c_void_p.from_address(item).value if item else None
    return None if not pointer else cast(pointer, py_object).value


def library_import(
    frame: FrameType | None, is_user: Callable[[CodeType], bool]
) -> FrameType | None:
    """Return the outermost frame of an import below ``frame`` that must end first, if any.

    The import of a module of the program's own can be left in the middle of the module's body.
    """
    found: FrameType | None = None
    above_is_user_body = False
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(IMPORTLIB):
            above_is_user_body = code.co_name == "<module>" and is_user(original(code))
        elif not above_is_user_body:
            found = frame
        frame = frame.f_back
    return found


def is_entered(generator: Any) -> bool:
    """Tell whether a running generator's handled exceptions are in the thread's chain of them.

    They are not while an exception thrown into it is passed on to what it awaits.
    """
    return bool(c_void_p.from_address(id(generator) + LAYOUT.generator_exception + 8).value)


def is_running(generator: Any) -> bool:
    """Tell whether the body of a generator is on a stack now.

    ``ag_running`` says otherwise: an async generator that awaits something is "running".
    """
    return c_char.from_address(id(generator) + LAYOUT.generator_exception + 27).value == b"\0"


def _measure_generator_frame() -> int:
    sample: Any = (_ for _ in ())
    return address(sample.gi_frame) - id(sample)


_GENERATOR_FRAME = _measure_generator_frame()
