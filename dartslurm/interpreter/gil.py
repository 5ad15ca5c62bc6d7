"""The interpreter's lock: has another thread run since a thread was looked at?

The stack of a thread that waits inside a C function is read by another thread, which is safe as
long as the one that waits does not run. Holding the GIL would do, but Python code does not hold
it: it gives the GIL up, when another thread has asked for it, at the entry of every function, at
every backward jump and behind every call. So a look at another thread's stack may find, in its
middle, that the stack has gone; reading on would end the process.

The interpreter counts how often its lock went from one thread to another. Inside `unmoved` each
read of a slot compares the count first (`still_here`): an index, a comparison and an index, between
which the interpreter does not give the GIL up. Who finds that somebody else has run raises
`NotYetError`, and looks again later.

The count is found, not assumed: it lies behind two words that are known, the switch interval and
the address of the thread that holds the lock; `selfcheck` proves that it counts.

Source:
    ``struct _gil_runtime_state`` in ``pycore_gil.h`` and ``take_gil`` in ``ceval_gil.c`` of
    CPython 3.11 to 3.13. The main interpreter's own lies in ``_PyRuntime`` in all of them.
"""

from __future__ import annotations

import ctypes
import gc
import struct
import sys
from _thread import get_ident
from time import perf_counter
from typing import TYPE_CHECKING

from dartslurm.errors import NotYetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

_api = ctypes.PyDLL(None)
thread_state = _api.PyThreadState_Get
"""Returns the address of the calling thread's ``PyThreadState``."""
thread_state.restype, thread_state.argtypes = ctypes.c_void_p, []
_COUNT_OFFSET = 24
"""Bytes from the switch interval over the last holder and the flag to the count of switches."""


class _Symbol(ctypes.Structure):
    _fields_ = (("name", ctypes.c_uint32), ("rest", ctypes.c_uint32), ("value", ctypes.c_uint64),
                ("size", ctypes.c_uint64))  # fmt: skip


def _own_memory() -> tuple[int, int]:
    start = ctypes.addressof(ctypes.c_char.in_dll(_api, "_PyRuntime"))
    found, symbol = (ctypes.c_void_p * 4)(), ctypes.POINTER(_Symbol)()
    known = _api.dladdr1(ctypes.c_void_p(start), found, ctypes.byref(symbol), 1)
    return start, start + (symbol.contents.size if known else 1 << 20)


RUNTIME_START, RUNTIME_END = _own_memory()
"""Where the interpreter's own state lies: who waits on a word in there wants the GIL."""


def _places() -> Iterator[int]:
    """Yield where an interval stands beside the address of the thread that holds the lock."""
    interval = round(sys.getswitchinterval() * 1e6)
    wanted = struct.pack("QQi", interval, thread_state(), 1)
    memory = ctypes.string_at(RUNTIME_START, RUNTIME_END - RUNTIME_START)
    index = memory.find(wanted)
    while index >= 0:
        if index % 8 == 0:
            yield RUNTIME_START + index + _COUNT_OFFSET
        index = memory.find(wanted, index + 1)


_found = list(_places())
SWITCHES = (ctypes.c_ulong * 1).from_address(_found[0]) if len(_found) == 1 else [0]
"""Its only entry is the number of times that the GIL went from one thread to another."""

_expected: dict[int, int] = {}


class unmoved:
    """While it lasts, slots that this thread reads are those of threads that have not run since.

    It begins *before* the look that tells that the other thread waits (`safepoint.rest`). One
    inside another changes nothing.
    """

    def __enter__(self) -> None:
        self._is_outer = get_ident() not in _expected
        if self._is_outer:
            _expected[get_ident()] = SWITCHES[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._is_outer:
            _expected.pop(get_ident(), None)


class undisturbed:
    """No garbage collection and no switch to another thread while the state is read."""

    def __enter__(self) -> Self:
        self.begun = perf_counter()
        self._collecting = gc.isenabled()
        self.interval = sys.getswitchinterval()
        """The program's own; it goes into the version."""
        try:
            gc.disable()
            sys.setswitchinterval(1000.0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def allow_switches(self) -> None:
        """Let a thread that wakes up run to its next line, where it is held."""
        sys.setswitchinterval(self.interval)

    def __exit__(self, *_: object) -> None:
        try:
            sys.setswitchinterval(self.interval)
        except BaseException:  # a Ctrl-C in this very moment
            sys.setswitchinterval(self.interval)
            raise
        finally:
            if self._collecting:
                gc.enable()


def expected() -> int | None:
    """Return what `SWITCHES` must be for this thread to read on, ``None`` for anything."""
    return _expected.get(get_ident()) if _expected else None


def moved() -> NotYetError:
    """Return what is raised when another thread has run."""
    return NotYetError("another thread ran meanwhile")
