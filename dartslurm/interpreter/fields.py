"""The fields of C objects that no Python code can reach: asyncio's and those of awaitables.

Takes and gives the fields of one object by name, references counted. A row a minor version says
where they lie; `problem` proves the row in use with a throwaway task, before anything is read.
What can be read in Python too is compared with its getter.

The rows are those of the C tasks and futures (``_asyncio``), the callable that steps a task, the
iterator of a future, and what ``await`` waits for in an async generator. The C classes stay:
rebuilding a task of another class would cost the program speed for nothing.

Source:
    ``Modules/_asynciomodule.c`` (``FutureObj_HEAD``, ``TaskObj``), ``Objects/genobject.c``
    (``PyAsyncGenASend``, ``PyAsyncGenAThrow``, ``PyCoroWrapper``), ``Objects/iterobject.c``
    (``anextawaitableobject``), ``Python/context.c`` (``PyContext``, ``PyContextToken``).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, NamedTuple

from dartslurm.interpreter.words import object_at, put_object

_Place = tuple[int, int]
"""Offset and size (4 or 1) of a number; a size of 0 and less is a bit (0, -1, -2, …) of a byte."""
State = tuple[dict[str, Any], dict[str, int]]
"""Fields that were read: references, and numbers."""


class Fields(NamedTuple):
    """Where one C class keeps its references and its numbers."""

    objects: dict[str, int]
    numbers: dict[str, _Place]


_FUTURE = {
    "loop": 16, "callback": 24, "context": 32, "callbacks": 40, "exception": 48,
    "traceback": 56, "result": 64, "source": 72, "message": 80,
}  # fmt: skip
_OLDER = Fields(
    {**_FUTURE, "cancelled": 120, "waiter": 128, "coroutine": 136, "name": 144, "own_context": 152},
    {"state": (88, 4), "log": (92, 4), "blocking": (96, 4), "must_cancel": (160, 4),
     "log_destroy": (164, 4), "cancelling": (168, 4)},
)  # fmt: skip
_ROWS = {
    (3, 11): _OLDER,
    (3, 12): _OLDER,
    (3, 13): Fields(
        {**_FUTURE, "cancelled": 88, "waiter": 112, "coroutine": 120, "name": 128,
         "own_context": 136},
        {"state": (96, 4), "log": (100, 0), "blocking": (100, -1), "must_cancel": (100, -2),
         "log_destroy": (100, -3), "cancelling": (104, 4)},
    ),
}  # fmt: skip
_OF_TASKS = frozenset(
    ("waiter", "coroutine", "name", "own_context", "must_cancel", "log_destroy", "cancelling")
)

SUPPORTED = sys.version_info[:2] in _ROWS
TASK = _ROWS.get(sys.version_info[:2], _OLDER)
FUTURE = Fields(
    {name: place for name, place in TASK.objects.items() if name not in _OF_TASKS},
    {name: place for name, place in TASK.numbers.items() if name not in _OF_TASKS},
)
STEP = Fields({"task": 16, "argument": 24}, {})
ITERATOR = Fields({"future": 16}, {})
ASEND = ATHROW = Fields({"generator": 16, "value": 24}, {"state": (32, 4)})
ANEXT = Fields({"awaitable": 16, "default": 24}, {})
WRAPPER = Fields({"coroutine": 16}, {})
TOKEN = Fields({"context": 16, "variable": 24, "old": 32}, {"used": (40, 4)})
CONTEXT = Fields({"before": 16}, {"entered": (40, 4)})
_KINDS: dict[int, Any] = {1: ctypes.c_ubyte, 4: ctypes.c_int}

_EMPTY = object()
_api = ctypes.PyDLL(None)
_allocate = _api.PyType_GenericAlloc
_allocate.argtypes = [ctypes.py_object, ctypes.c_ssize_t]
_allocate.restype = ctypes.py_object


def bare(cls: type) -> Any:
    """Make an instance of a C class with all fields empty."""
    return _allocate(cls, 0)


def read(obj: Any, fields: Fields) -> State:
    """Return the references of ``obj`` that are not NULL, and its numbers that are not zero."""
    base = id(obj)
    objects = {}
    for name, offset in fields.objects.items():
        found = object_at(base + offset, _EMPTY)
        if found is not _EMPTY:
            objects[name] = found
    numbers = {name: _number(base, place) for name, place in fields.numbers.items()}
    return objects, {name: value for name, value in numbers.items() if value}


def write(obj: Any, fields: Fields, objects: dict[str, Any], numbers: dict[str, int]) -> None:
    """Give ``obj`` the fields that `read` took; those not named become NULL and zero."""
    base = id(obj)
    for name, offset in fields.objects.items():
        put_object(base + offset, objects.get(name, _EMPTY), _EMPTY)
    for name, place in fields.numbers.items():
        _set_number(base, place, numbers.get(name, 0))


def _number(base: int, place: _Place) -> int:
    offset, size = place
    if size > 0:
        return int(_KINDS[size].from_address(base + offset).value)
    return ctypes.c_ubyte.from_address(base + offset).value >> -size & 1


def _set_number(base: int, place: _Place, value: int) -> None:
    offset, size = place
    if size > 0:
        _KINDS[size].from_address(base + offset).value = value
        return
    byte = ctypes.c_ubyte.from_address(base + offset)
    byte.value = byte.value & ~(1 << -size) | value << -size


def set_number(obj: Any, fields: Fields, name: str, value: int) -> None:
    """Set one number of ``obj``."""
    _set_number(id(obj), fields.numbers[name], value)


def awaited(awaitable: Any) -> Any:
    """Return what sending to a C awaitable sends to first, ``None`` when it is none of ours."""
    place = AWAITABLES.get(type(awaitable))
    if place is None:
        return None
    return read(awaitable, place)[0].get(next(iter(place.objects)))


def _measure_awaitables() -> dict[type, Fields]:
    async def items() -> Any:
        yield

    async def nothing() -> None:
        pass

    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        generator, coroutine = items(), nothing()
        made = {
            generator.asend(None): ASEND, generator.aclose(): ATHROW,
            anext(generator, None): ANEXT, coroutine.__await__(): WRAPPER,
        }  # fmt: skip
        for awaitable in made:
            awaitable.close()
        coroutine.close()
    finally:
        sys.set_asyncgen_hooks(*hooks)
    return {type(awaitable): place for awaitable, place in made.items()}


AWAITABLES = _measure_awaitables()
"""The C awaitables that hold what they await in their first reference."""


def make_awaitable(index: int) -> Any:
    """Make the C awaitable of a row of `AWAITABLES`, empty: it must be filled before it is used."""
    cls, place = list(AWAITABLES.items())[index]
    made = bare(cls)
    write(made, place, {}, dict.fromkeys(place.numbers, _CLOSED))
    return made


_CLOSED = 2
"""State of an ``asend`` or ``athrow`` that is over: no warning that it was not awaited."""


def current_contexts() -> list[Any]:
    """Return the contexts that this thread has entered, innermost first, and then its own."""
    from contextvars import ContextVar

    variable: ContextVar[None] = ContextVar("dartslurm")
    token = variable.set(None)
    found = [read(token, TOKEN)[0]["context"]]
    variable.reset(token)
    while "before" in (objects := read(found[-1], CONTEXT)[0]):
        found.append(objects["before"])
    return found
