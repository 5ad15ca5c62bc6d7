"""A clock of ``time`` that goes on from another value, while its function stays the object it is.

Programs hold the functions themselves (``from time import perf_counter``), as defaults, attributes
and ``loop.time``, so a replacement in the module would be seen by some and not by others. Here the
one pointer that all of them share is turned: a built-in function's C code is found through its
method table entry, and that comes to point at a few instructions of ours which call the
original and add a constant. No frame, no Python code and no lock is involved, so the call
costs one addition more.

The page of instructions is never given back: the interpreter calls its clocks until its very end.

Source:
    ``Include/cpython/methodobject.h`` (``m_ml``) and ``Include/methodobject.h`` (``PyMethodDef``),
    the same in 3.11 to 3.13; the calling convention of the System V ABI for x86-64.
"""

from __future__ import annotations

import platform
import time
from ctypes import (
    CDLL,
    c_char_p,
    c_int,
    c_long,
    c_size_t,
    c_void_p,
    cast,
    memmove,
    pythonapi,
)
from struct import pack
from typing import Any

from dartslurm.errors import InternalError
from dartslurm.interpreter.words import areas, take_reference, word

CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time")
"""Those that a program measures durations by. ``time.time`` is the time of day and stays so."""

_TABLE_ENTRY = 16
"""Offset of ``m_ml`` in a built-in function."""
_NAME, _CODE, _FLAGS = 0, 8, 16
"""Offsets in a ``PyMethodDef``."""
_NO_ARGUMENTS = 4
_READ_WRITE, _READ_EXECUTE = 3, 5
_PRIVATE_ANONYMOUS = 0x22
_PAGE_BYTES = 4096


def shift(offsets_ns: dict[str, int]) -> None:
    """Let each clock named, and its twin in nanoseconds, show this much more from now on.

    Units:
        Nanoseconds.

    Raises:
        InternalError: if it cannot be done on this machine; then no clock has changed.
    """
    if platform.machine() != "x86_64":
        raise InternalError(f"clocks cannot be set on {platform.machine()}")
    changes: list[tuple[int, Any]] = []
    for name, offset_ns in offsets_ns.items():
        changes.append((_entry(name), offset_ns / 1e9))
        changes.append((_entry(f"{name}_ns"), offset_ns))
    pieces = [_adding(_code(entry), amount) for entry, amount in changes]
    addresses = _executable(pieces)
    for (entry, _), address in zip(changes, addresses, strict=True):
        c_void_p.from_address(entry + _CODE).value = address


def _entry(name: str) -> int:
    """Return the address of a clock's entry in its method table; nothing is written to it yet."""
    function = getattr(time, name)
    entry = word(id(function) + _TABLE_ENTRY)
    if type(function) is not type(len) or not _is_writable(entry):
        raise InternalError(f"time.{name} has no method table entry that can be written")
    found = c_char_p.from_address(entry + _NAME).value
    flags = c_int.from_address(entry + _FLAGS).value
    if found != name.encode() or flags != _NO_ARGUMENTS:
        raise InternalError(f"the method table entry of time.{name} is not where it should be")
    return entry


def _is_writable(address: int) -> bool:
    last = address + _FLAGS + 8
    return any(
        one.rights.startswith("rw") for one in areas() if one.start <= address and last <= one.end
    )


def _code(entry: int) -> int:
    return word(entry + _CODE)


def _adding(original: int, amount: float) -> bytes:
    """Return instructions that call ``original`` and return its result plus ``amount``."""
    take_reference(amount)  # the instructions hold it for ever
    add = cast(pythonapi.PyNumber_Add, c_void_p).value or 0
    let_go = cast(pythonapi.Py_DecRef, c_void_p).value or 0
    work = b"".join((
        b"\x48\x89\xc3\x48\x89\xc7",  # mov rbx, rax; mov rdi, rax
        b"\x48\xbe", pack("<Q", id(amount)),  # mov rsi, amount
        b"\x48\xb8", pack("<Q", add), b"\xff\xd0",  # call PyNumber_Add
        b"\x48\x89\xdf\x48\x89\xc3",  # mov rdi, rbx; mov rbx, rax
        b"\x48\xb8", pack("<Q", let_go), b"\xff\xd0",  # call Py_DecRef
        b"\x48\x89\xd8",  # mov rax, rbx
    ))  # fmt: skip
    return b"".join((
        b"\xf3\x0f\x1e\xfa\x53",  # endbr64; push rbx, which also aligns the stack
        b"\x48\xb8", pack("<Q", original), b"\xff\xd0",  # call the clock
        b"\x48\x85\xc0\x74", bytes([len(work)]),  # leave at once if it has failed
        work,
        b"\x5b\xc3",  # pop rbx; ret
    ))  # fmt: skip


def _executable(pieces: list[bytes]) -> list[int]:
    """Put pieces of code into a page that may be executed and written no more."""
    libc = CDLL(None, use_errno=True)
    libc.mmap.restype = c_void_p
    libc.mmap.argtypes = [c_void_p, c_size_t, c_int, c_int, c_int, c_long]
    libc.mprotect.argtypes = [c_void_p, c_size_t, c_int]
    page = libc.mmap(None, _PAGE_BYTES, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
    if page in (None, c_void_p(-1).value):
        raise InternalError("no memory for the clocks")
    addresses, used = [], 0
    for piece in pieces:
        memmove(page + used, piece, len(piece))
        addresses.append(page + used)
        used += -len(piece) % 16 + len(piece)
    if libc.mprotect(page, _PAGE_BYTES, _READ_EXECUTE):
        raise InternalError("this system lets nobody make code")
    return addresses
