"""C code between the frames of an event loop: `Context.run`, the step of a task, its eager start.

    Handle._run → Context.run → the C task's step → coroutine

The handle's frame waits in a call of ``Context.run``; below it the C task sends to its coroutine,
or throws into it. The coroutine is rebuilt as one that goes on in the middle when it is sent
``None``, so the caller is rebuilt to make the task's plain step again, within the same context:
the C code then enters the task, runs the coroutine, and does with what it yields or returns what
it would have done. Two things that a step looks at before it sends are put aside until the
coroutine has been entered:

* a task that has asked for its *own* cancellation would be cancelled by the step at once
  (`without_cancel`);
* an *eager* start (3.12) steps a task while another one is current, which the plain step refuses:
  `leave_current` and `finish_start` do what the C code does before and after.
"""

from __future__ import annotations

import sys
from contextvars import Context
from functools import partial
from types import (
    BuiltinFunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

from dartslurm.interpreter import fields, tasks
from dartslurm.stack.callables import Arguments


class Step(NamedTuple):
    """How a task's coroutine is entered.

    ``step`` is called by the caller's continuation, after ``before``; ``inside`` is called first
    by the coroutine's own. ``adapter`` gives the value of an eager start's call.
    """

    step: Any
    before: tuple[Any, ...] = ()
    inside: tuple[Any, ...] = ()
    adapter: Any = None


def under_context(function: Any, arguments: Arguments) -> tuple[Any, Any, Arguments]:
    """Strip ``Context.run`` from a call.

    Returns:
        What runs another callable in the same contexts (``None``: there are none), and the
        function and the arguments within.
    """
    run: Any = None
    while True:
        values = arguments.positional
        if type(function) is MethodDescriptorType and function.__objclass__ is Context:
            function, values = getattr(values[0], function.__name__), values[1:]
        if not _is_run(function) or not values:
            return run, function, Arguments(values, arguments.keywords)
        run = function if run is None else partial(run, function)
        function, arguments = values[0], Arguments(values[1:], arguments.keywords)


def _is_run(function: Any) -> bool:
    return (
        type(function) is BuiltinFunctionType
        and type(function.__self__) is Context
        and function.__name__ == "run"
    )


def runner_of(entered: Any) -> Any:
    """Return what a continuation's prologue calls its callee through, if that is a context."""
    if type(entered) is partial and _is_run(entered.func):
        return partial(entered.func, *entered.args[:-1])
    return None


def step_of_task(run: Any, function: Any, generator: Any) -> Step | None:
    """Return how ``generator`` is entered, if calling ``function`` steps the task it belongs to."""
    task = tasks.stepped_task(function)
    if task is None or fields.read(task, fields.TASK)[0].get("coroutine") is not generator:
        return None
    step = tasks.make_step(task)
    return without_cancel(task, step if run is None else partial(run, step))


def step_again(entered: Any) -> Step | None:
    """Return how the callee is entered anew, where a prologue steps a task by ``entered``."""
    if type(entered) is not partial or not entered.args:
        return None
    task = tasks.stepped_task(entered.args[-1])
    return None if task is None else without_cancel(task, entered)


def without_cancel(task: Any, step: Any) -> Step:
    """Return the step of a task; a cancellation asked for meanwhile comes after it is entered."""
    if not fields.read(task, fields.TASK)[1].get("must_cancel"):
        return Step(step)
    asked = partial(fields.set_number, task, fields.TASK, "must_cancel")
    return Step(step, (partial(asked, 0),), (partial(asked, 1),))


def eager_start(function: Any, arguments: Arguments, generator: Any) -> Step | None:
    """Return how ``generator`` is entered, if the call makes a task that starts it at once."""
    eager = getattr(sys.modules.get("_asyncio"), "_eager_tasks", ())
    for task in eager:
        found = fields.read(task, fields.TASK)[0]
        if found.get("coroutine") is generator:
            if type(task) is function:
                value = task
            elif _initialises(function, arguments, task):
                value = None
            else:
                return None
            made = without_cancel(task, partial(found["own_context"].run, tasks.make_step(task)))
            return eager_again(made, partial(finish_start, task, [], value))
    return None


def _initialises(function: Any, arguments: Arguments, task: Any) -> bool:
    if type(function) is MethodWrapperType:
        return function.__self__ is task and function.__name__ == "__init__"
    return (
        type(function) is WrapperDescriptorType
        and function.__name__ == "__init__"
        and bool(arguments.positional)
        and arguments.positional[0] is task
    )


def eager_again(made: Step, adapter: Any) -> Step:
    """Return the step of an eager start, whose call gives what ``adapter`` returns."""
    if type(adapter) is not partial or adapter.func is not finish_start:
        return made
    task, _, value = adapter.args
    current: list[Any] = []
    leave = partial(leave_current, task, current)
    return made._replace(
        before=(*made.before, leave), adapter=partial(finish_start, task, current, value)
    )


def leave_current(task: Any, current: list[Any]) -> None:
    """Do what an eager start does before: no other task is current while it runs."""
    import _asyncio

    swap: Any = vars(_asyncio)["_swap_current_task"]
    current.append(swap(fields.read(task, fields.TASK)[0]["loop"], None))


def finish_start(task: Any, current: list[Any], value: Any, _: Any) -> Any:
    """Do what an eager start does after its step, and return the value of its call."""
    import _asyncio

    names: Any = vars(_asyncio)
    objects, numbers = fields.read(task, fields.TASK)
    names["_unregister_eager_task"](task)
    names["_swap_current_task"](objects["loop"], current.pop())
    if not numbers.get("state"):
        names["_register_task"](task)
    else:
        objects.pop("coroutine", None)
        fields.write(task, fields.TASK, objects, numbers)
    return value
