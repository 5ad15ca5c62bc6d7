"""Other threads: their states, what each holds of its own, and line events in them on 3.11.

A thread that waits inside a C function cannot be asked for its context or its thread-local data;
they are read from its ``PyThreadState``. Every function trusts that the caller holds the GIL and
has not given it up since it looked.
"""

from __future__ import annotations

import ctypes
import gc
from ctypes import c_void_p
from typing import Any

from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.interpreter.words import object_at, word

_api = ctypes.PyDLL(None)
_interpreter = _api.PyInterpreterState_Get
_interpreter.restype = c_void_p
_first = _api.PyInterpreterState_ThreadHead
_first.restype, _first.argtypes = c_void_p, [c_void_p]
_next = _api.PyThreadState_Next
_next.restype, _next.argtypes = c_void_p, [c_void_p]
_LOCAL_KEY, _DUMMY_DICT = 16, 16
"""Offsets of the key in a ``threading.local``, and of the dict in what its thread keeps for it."""


def thread_states() -> dict[int, int]:
    """Return the address of each thread's ``PyThreadState``, by the thread's identity."""
    found = {}
    state = _first(_interpreter())
    while state:
        found[ctypes.c_ulong.from_address(state + LAYOUT.thread_ident).value] = state
        state = _next(state)
    return found


def native_ids() -> dict[int, int]:
    """Return the kernel's number of each thread, by the thread's identity."""
    return {
        ident: ctypes.c_ulong.from_address(state + LAYOUT.thread_ident + 8).value
        for ident, state in thread_states().items()
    }


def context_of(state: int) -> list[tuple[Any, Any]]:
    """Return the context variables of a thread with their values."""
    context = object_at(state + LAYOUT.thread_context)
    return [] if context is None else list(context.items())


def local_dict(local: Any, state: int) -> dict[str, Any] | None:
    """Return what a ``threading.local`` holds for a thread, ``None`` when it has none."""
    if LAYOUT.thread_local_key is not None:
        key = object_at(state + LAYOUT.thread_local_key)
        tables = [found for found in gc.get_referents(local) if type(found) is dict]
        return next((t[key] for t in tables if key is not None and key in t), None)
    known = object_at(state + LAYOUT.thread_dict) or {}
    dummy = known.get(object_at(id(local) + _LOCAL_KEY))
    return None if dummy is None else object_at(id(dummy) + _DUMMY_DICT)


class ThreadTracing:
    """``sys.settrace`` for other threads (CPython 3.11 only)."""

    def __init__(self, trampoline: int) -> None:
        """``trampoline`` is the C function that `trace_function` found in a traced thread."""
        self._trampoline = trampoline
        self._set = _api._PyEval_SetTrace
        self._set.argtypes = [c_void_p, c_void_p, c_void_p]

    def start(self, state: int, hook: Any) -> bool:
        """Trace a thread by ``hook``; tell whether nothing else does."""
        if trace_function(state):
            return trace_object(state) == id(hook)
        self._set(state, self._trampoline, id(hook))
        return True

    def stop(self, state: int, hook: Any) -> None:
        """Trace it no more, if it is still ``hook`` that does."""
        if trace_object(state) == id(hook):
            self._set(state, None, None)


def trace_function(state: int) -> int:
    """Return the address of the C function that traces a thread, 0 for none."""
    return word(state + (LAYOUT.thread_trace or 0))


def trace_object(state: int) -> int:
    """Return the identity of what that function calls."""
    return word(state + (LAYOUT.thread_trace or 0) + 16)
