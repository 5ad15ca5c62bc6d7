"""asyncio's futures and tasks, as the C classes they are, and what steps and awaits them.

Shells first, fields later: a task's coroutine leads to everything else. A pending task that is
rebuilt waits for the same future, whose callbacks wake it; nothing is scheduled anew.
"""

from __future__ import annotations

import _asyncio
from typing import Any

from dartslurm.interpreter import fields, tasks
from dartslurm.state.contract import Reducer, Reduction, Writer, veto
from dartslurm.state.kinds.instances import fill_instance, instance_state
from dartslurm.state.layout import layout_of


def reduce_future(future: Any, writer: Writer) -> Reduction:
    """Reduce a future or a task, of a subclass too."""
    found = tasks.samples()
    if isinstance(found, str):
        veto(found, lambda: True)
    cls = type(future)
    layout = layout_of(cls)
    if layout is None:
        return writer.refuse(future, "a future with C fields of its own")
    writer.defer(fill_future, future, fields.read(future, _fields_of(cls)))
    slots = instance_state(future, layout)[1]
    if slots:
        writer.defer(fill_instance, future, (None, slots, None))
    namespace = tasks.attributes(future)
    if namespace:
        writer.defer(tasks.set_attributes, future, namespace)
    return make_future, (cls,)


def _fields_of(cls: type) -> fields.Fields:
    return fields.TASK if issubclass(cls, _asyncio.Task) else fields.FUTURE


def make_future(cls: Any) -> Any:
    """Rebuild a future without its fields."""
    return (_asyncio.Task if issubclass(cls, _asyncio.Task) else _asyncio.Future).__new__(cls)


def fill_future(future: Any, state: fields.State) -> None:
    """Give a future its fields."""
    fields.write(future, _fields_of(type(future)), *state)


def reduce_step(step: Any, writer: Writer) -> Reduction:
    """Reduce the callable that steps a task, perhaps by throwing into it."""
    writer.defer(fill_step, step, fields.read(step, fields.STEP))
    return tasks.make_step, (None,)


def fill_step(step: Any, state: fields.State) -> None:
    """Give a step its task."""
    fields.write(step, fields.STEP, *state)


def reduce_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce what a coroutine that awaits a future has on its stack."""
    writer.defer(fill_iterator, iterator, fields.read(iterator, fields.ITERATOR))
    return make_iterator, ()


def make_iterator() -> Any:
    """Rebuild a future's iterator without its future."""
    found = tasks.samples()
    return fields.bare(found.iterator) if isinstance(found, tasks.Samples) else None


def fill_iterator(iterator: Any, state: fields.State) -> None:
    """Give a future's iterator its future."""
    fields.write(iterator, fields.ITERATOR, *state)


def claim(cls: type) -> Reducer | None:
    """Take futures and tasks."""
    return reduce_future if issubclass(cls, _asyncio.Future | _asyncio.Task) else None


def _exact() -> dict[type, Any]:
    found = tasks.samples()
    if isinstance(found, str):
        return {}
    return {found.step: reduce_step, found.iterator: reduce_iterator}


REDUCERS = _exact()
