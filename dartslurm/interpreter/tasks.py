"""asyncio's C tasks: what steps and wakes one, and the number that names the next.

A throwaway task on a stub of a loop shows the classes that no module holds, and proves the rows
of `fields` before anything is read by them; the tasks of the program are left alone.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import BuiltinFunctionType
from typing import Any, NamedTuple

from dartslurm.interpreter.fields import (
    FUTURE,
    ITERATOR,
    STEP,
    SUPPORTED,
    TASK,
    bare,
    read,
    write,
)
from dartslurm.interpreter.words import areas, object_at

_NAMESPACE = -24 if sys.version_info >= (3, 13) else 104
"""Offset of the dict of a future's attributes; its class has no ``__dict__`` entry."""
_METHOD = 16
"""Offset of ``m_ml`` in a C function."""

_api = ctypes.PyDLL(None)
_get_dict = _api.PyObject_GenericGetDict
_get_dict.argtypes = [ctypes.py_object, ctypes.c_void_p]
_get_dict.restype = ctypes.py_object
_new_function = _api.PyCFunction_NewEx
_new_function.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
_new_function.restype = ctypes.py_object

_get_definition = _api.PyModule_GetDef
_get_definition.argtypes = [ctypes.py_object]
_get_definition.restype = ctypes.c_void_p
_get_state = _api.PyModule_GetState
_get_state.argtypes = [ctypes.py_object]
_get_state.restype = ctypes.c_void_p
_MODULE_SIZE = 56
"""Offset of ``m_size`` in ``PyModuleDef``."""


class Samples(NamedTuple):
    """What only a running task shows: classes that no module holds, and the wakeup's C function."""

    step: type
    iterator: type
    wakeup: int


class _Loop:
    """Enough of an event loop for a throwaway task: it keeps what it is told to call."""

    def __init__(self) -> None:
        self.called: list[Any] = []

    def get_debug(self) -> bool:
        return False

    def call_soon(self, callback: Any, *_: Any, context: Any = None) -> None:
        self.called.append(callback)


_NAME = "dartslurm"
_samples: list[Samples | str] = []


def samples() -> Samples | str:
    """Return what a throwaway task shows, or why this build's fields are not as the rows say."""
    if not _samples:
        try:
            _samples.append(_look())
        except Exception as error:
            _samples.append(f"asyncio's tasks could not be read ({type(error).__name__}: {error})")
    return _samples[0]


async def _sample(future: Any) -> None:
    await future


def _look() -> Samples | str:
    import _asyncio
    from contextvars import Context

    if not SUPPORTED:
        return "this interpreter's tasks have no row in dartslurm.interpreter.fields"
    loop: Any = _Loop()
    context = Context()
    future: Any = _asyncio.Future(loop=loop)
    coroutine = _sample(future)
    task: Any = _asyncio.Task(coroutine, loop=loop, name=_NAME, context=context)
    task._log_destroy_pending = False
    step = loop.called[0]
    iterator = _asyncio.Future.__iter__(future)
    try:
        return _compare(task, future, coroutine, context, (step, iterator))
    finally:
        _unregister(task)
        coroutine.close()


def _compare(task: Any, future: Any, coroutine: Any, context: Any, found: Any) -> Samples | str:
    step, iterator = found
    objects, numbers = read(task, TASK)
    wanted = {"loop": task._loop, "coroutine": coroutine, "name": _NAME, "own_context": context}
    if not _same(objects, wanted) or numbers:
        return "the fields of a new task are not where they should be"
    if not _same(read(step, STEP)[0], {"task": task}):
        return "the fields of a task's step are not where they should be"
    if not _same(read(iterator, ITERATOR)[0], {"future": future}):
        return "the fields of a future's iterator are not where they should be"
    task._log_destroy_pending = True
    task.cancel("why")
    expected = {"must_cancel": 1, "cancelling": 1, "log_destroy": 1}
    if read(task, TASK)[1] != expected or read(task, TASK)[0].get("message") != "why":
        return "the numbers of a task are not where they should be"
    write(task, TASK, wanted, {})
    if task._must_cancel or task.cancelling() or task._log_destroy_pending or task._cancel_message:
        return "the fields of a task could not be written"
    step()  # now the coroutine waits for the future
    waits, _ = read(task, TASK)
    wakeup, its_context = future._callbacks[0]
    if waits.get("waiter") is not future or its_context is not context:
        return "what a task waits for is not where it should be"
    method = ctypes.c_void_p.from_address(id(wakeup) + _METHOD).value
    if type(wakeup) is not BuiltinFunctionType or not method or wakeup.__self__ is not task:
        return "what wakes a task is not a C function"
    return _compare_result(future) or Samples(type(step), type(iterator), method)


def _compare_result(future: Any) -> str:
    objects, _ = read(future, FUTURE)
    if "callback" not in objects or "context" not in objects:
        return "the callback of a future is not where it should be"
    future.remove_done_callback(objects["callback"])
    value = object()
    future.set_result(value)
    objects, numbers = read(future, FUTURE)
    if objects.get("result") is not value or numbers != {"state": 2}:
        return "the result of a future is not where it should be"
    if attributes(future):
        return "a new future has attributes"
    future.mark = value
    if attributes(future) != {"mark": value}:
        return "the attributes of a future are not where they should be"
    write(future, FUTURE, {"loop": future._loop, "exception": ValueError()}, {"state": 2, "log": 1})
    if type(future.exception()) is not ValueError or future._log_traceback:
        return "the exception of a future is not where it should be"
    return ""


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(found[name] is wanted[name] for name in found)


def attributes(future: Any) -> dict[str, Any] | None:
    """Return what Python code has set on a future or task, ``None`` when there is no dict."""
    found: dict[str, Any] | None = object_at(id(future) + _NAMESPACE)
    return found


def set_attributes(future: Any, namespace: dict[str, Any]) -> None:
    """Set them on a rebuilt one."""
    _get_dict(future, None).update({sys.intern(name): namespace[name] for name in namespace})


def make_wakeup(task: Any) -> Any:
    """Make the C function that a future calls to step ``task``."""
    found = samples()
    return _new_function(found.wakeup, task, None) if isinstance(found, Samples) else None


def is_wakeup(function: Any) -> bool:
    """Tell whether a C function is one that steps a task."""
    found = samples() if "_asyncio" in sys.modules else ""
    method = ctypes.c_void_p.from_address(id(function) + _METHOD).value
    return isinstance(found, Samples) and method == found.wakeup


def stepped_task(function: Any) -> Any:
    """Return the task that calling ``function`` steps, ``None`` when it is no such function."""
    found = samples() if "_asyncio" in sys.modules else ""
    if not isinstance(found, Samples):
        return None
    if type(function) is found.step:
        return read(function, STEP)[0].get("task")
    if type(function) is BuiltinFunctionType and is_wakeup(function):
        return function.__self__
    return None


def make_step(task: Any) -> Any:
    """Make the callable that steps ``task`` once (``None``: to be filled)."""
    found = samples()
    if not isinstance(found, Samples):
        return None
    step = bare(found.step)
    if task is not None:
        write(step, STEP, {"task": task}, {})
    return step


def task_number() -> int | None:
    """Return the number of the last unnamed task, ``None`` where it cannot be found."""
    word = _counter()
    return int(word.value) if word is not None else None


def set_task_number(number: int | None) -> None:
    """Have the next unnamed task get the number behind ``number``."""
    word = _counter()
    if word is not None and number is not None:
        word.value = number


_counters: list[Any] = []


def _counter() -> Any:
    """Return the C counter behind ``Task-1``, ``Task-2``, …; it is measured once.

    It is the one word of the module's memory that holds the number of each task made.
    """
    if not _counters:
        try:
            _counters.append(_find_counter())
        except Exception:
            _counters.append(None)
    return _counters[0]


def _find_counter() -> Any:
    areas = _memory()
    wanted = _unnamed()
    found = [
        start + 8 * index
        for start, size in areas
        for index, word in enumerate((ctypes.c_uint64 * (size // 8)).from_address(start))
        if word == wanted
    ]
    made = 1
    while len(found) > 1 and made < 4:
        wanted, made = _unnamed(), made + 1
        found = [place for place in found if ctypes.c_uint64.from_address(place).value == wanted]
    if len(found) != 1:
        return None
    word = ctypes.c_uint64.from_address(found[0])
    following = _unnamed()
    if word.value != following:
        return None
    word.value = following - made - 1  # as if none of these tasks had been
    return word


def _unnamed() -> int:
    """Make a task without a name, and return its number."""
    import _asyncio
    from contextvars import Context

    coroutine = _sample(None)
    loop: Any = _Loop()
    task: Any = _asyncio.Task(coroutine, loop=loop, context=Context())
    task._log_destroy_pending = False
    _unregister(task)
    coroutine.close()
    return int(task.get_name().rpartition("-")[2])


def _unregister(task: Any) -> None:
    import _asyncio

    names: Any = vars(_asyncio)
    names["_unregister_task"](task)


def _memory() -> list[tuple[int, int]]:
    """Return where the C module keeps its own: its state (3.12), or its static variables."""
    import _asyncio

    definition = _get_definition(_asyncio)
    size = ctypes.c_ssize_t.from_address(definition + _MODULE_SIZE).value if definition else 0
    state = _get_state(_asyncio)
    if state and size > 0:
        return [(state, size)]
    file = getattr(_asyncio, "__file__", None) or sys.executable
    name, found, end = os.path.realpath(file), [], 0
    for area in areas():
        ours = area.path == name or (area.start == end and not area.path)
        if ours and area.rights.startswith("rw"):
            found.append((area.start, area.end - area.start))
        end = area.end if ours else 0
    return found
