"""Read a live frame: its slots, its position, and who called it.

Takes frame objects of the *stopped* main thread; gives plain values. Nothing here changes the
program. Reading is by address, so every function trusts `LAYOUT`, which `selfcheck` has proved on
this interpreter before the first capture.
"""

from __future__ import annotations

import sys
from ctypes import c_int, cast, py_object
from typing import TYPE_CHECKING, Any, Final

from dartslurm.interpreter import words
from dartslurm.interpreter.code import GENERATOR_LIKE, OPTIMIZED, origin, original, slot_count
from dartslurm.interpreter.layouts import (
    FRAME_POINTER,
    LAYOUT,
    OWNED_BY_C_STACK,
    OWNED_BY_GENERATOR,
)
from dartslurm.interpreter.words import byte, object_at, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
_COMPILERS: Final = {"_acquire_compile_lock": "/numba/core/compiler_lock.py"}
"""Functions of libraries below which programs are compiled, by name, with the end of their file.

All they hold is addresses and half-built code, and the walk over it would take many seconds.
"""


def address(frame: FrameType) -> int:
    """Return the address of the interpreter's own frame behind ``frame``."""
    return word(id(frame) + FRAME_POINTER)


def slot(base: int, index: int) -> Any:
    """Return slot ``index`` of the frame at ``base``: the object, or `NULL`.

    Raises:
        NotYetError: if the object is being destroyed, or another thread has run since the look
            at the thread whose frame it is (`gil.unmoved`).
    """
    return object_at(base + LAYOUT.localsplus + 8 * index, NULL)


def head(base: int, index: int) -> tuple[bool, int]:
    """Tell what slot ``index`` may hold, which may be gone: see `words.head_at`."""
    return words.head_at(base + LAYOUT.localsplus + 8 * index)


def slots(base: int, start: int, stop: int) -> list[Any]:
    """Return slots ``start`` to ``stop`` of the frame at ``base``."""
    return [slot(base, index) for index in range(start, stop)]


def local_namespace(frame: FrameType) -> Any:
    """Return the namespace in which a module's or a class body's code binds its names.

    ``frame.f_locals`` would be a view of it where a comprehension is running (3.13).
    """
    return object_at(address(frame) + LAYOUT.local_namespace)


def saved_depth(frame: FrameType) -> int:
    """Return the depth that the interpreter saved, or -1 while the frame keeps it in a register."""
    top: int = c_int.from_address(address(frame) + LAYOUT.stacktop).value
    return -1 if top < 0 else top - slot_count(frame.f_code)


def is_called_directly(frame: FrameType) -> bool:
    """Tell whether Python bytecode entered ``frame`` without a C function in between."""
    base = address(frame)
    if LAYOUT.is_entry is not None:
        return byte(base + LAYOUT.is_entry) == 0
    before = word(base + LAYOUT.previous)
    while before and _owner(before) != OWNED_BY_C_STACK:
        caller = frame.f_back
        if caller is None or before == address(caller):
            return caller is not None
        before = word(before + LAYOUT.previous)  # the shim of __init__
    return False


def has_init_shim(frame: FrameType) -> bool:
    """Tell whether a class call entered ``frame`` as ``__init__`` through a shim."""
    if LAYOUT.is_entry is not None or frame.f_back is None:
        return False
    before = word(address(frame) + LAYOUT.previous)
    return bool(before and _owner(before) != OWNED_BY_C_STACK and before != address(frame.f_back))


def init_shim_object(frame: FrameType) -> Any:
    """Return the new object that waits in the shim below ``__init__``."""
    return slot(word(address(frame) + LAYOUT.previous), 0)


def entry_below(base: int) -> int:
    """Return the address of the first C-owned frame below the frame at ``base``, or 0 (3.12 on)."""
    before = word(base + LAYOUT.previous)
    while before and _owner(before) != OWNED_BY_C_STACK:
        before = word(before + LAYOUT.previous)
    return before


def _owner(base: int) -> int:
    return byte(base + LAYOUT.owner)


def codes(frame: FrameType | None) -> Iterator[CodeType]:
    """Yield the codes of a stack, from its innermost frame on."""
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def outermost(frame: FrameType | None, qualname: str) -> FrameType | None:
    """Return the outermost frame, from ``frame`` on, of the function of a path's first words."""
    found = None
    while frame is not None:
        if frame.f_code.co_qualname.replace(".<locals>", "") == qualname:
            found = frame
        frame = frame.f_back
    return found


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
    return object_at(id(generator) + LAYOUT.generator_exception)


def handled_below(generator: Any) -> Any:
    """Return the exception that was being handled where a *running* generator was entered."""
    item = word(id(generator) + LAYOUT.generator_exception + 8)
    return object_at(item) if item else None


def library_import(
    frame: FrameType | None, is_user: Callable[[CodeType], bool]
) -> FrameType | None:
    """Return the outermost frame of an import below ``frame`` that must end first, if any.

    So must a library's compiler, which is no less of one piece.

    The import of a module of the program's own can be left in the middle of the module's body.
    """
    found: FrameType | None = None
    above_is_user_body = False
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(IMPORTLIB):
            above_is_user_body = code.co_name == "<module>" and is_user(original(code))
            end = _COMPILERS.get(code.co_name)
            if end is not None and code.co_filename.endswith(end):
                found = frame
        elif not above_is_user_body:
            found = frame
        frame = frame.f_back
    return found


def is_entered(generator: Any) -> bool:
    """Tell whether a running generator's handled exceptions are in the thread's chain of them.

    They are not while an exception thrown into it is passed on to what it awaits.
    """
    return bool(word(id(generator) + LAYOUT.generator_exception + 8))


def is_running(generator: Any) -> bool:
    """Tell whether the body of a generator is on a stack now.

    ``ag_running`` says otherwise: an async generator that awaits something is "running".
    """
    return byte(id(generator) + LAYOUT.generator_exception + 27) == 0


def _measure_generator_frame() -> int:
    sample: Any = (_ for _ in ())
    return address(sample.gi_frame) - id(sample)


_GENERATOR_FRAME = _measure_generator_frame()


def drop_snapshot(frame: FrameType) -> bool:
    """Have a function's frame forget the copy of its locals that tracing made (3.11).

    Returns:
        Whether it has none now: what the program has got by ``locals()`` and holds stays.
    """
    if not frame.f_code.co_flags & OPTIMIZED:
        return False  # it is the namespace itself
    place = address(frame) + LAYOUT.local_namespace
    found = words.object_at(place, None)
    if found is not None and sys.getrefcount(found) > _HELD_BY_FRAME:
        return False
    words.put_object(place, None)
    return True


_HELD_BY_FRAME = 3
"""References to a snapshot: the frame's, a local name and an argument."""
