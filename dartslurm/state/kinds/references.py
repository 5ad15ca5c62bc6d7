"""Weak references, proxies and finalizers: to the same object, dead when it is dead."""

from __future__ import annotations

import weakref
from functools import partial
from itertools import count
from types import BuiltinFunctionType, MethodType
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import fill_instance, instance_state
from dartslurm.state.layout import layout_of
from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.contract import Reducer, Reduction, Writer


class _Nobody:
    """What dead references once pointed at."""


_TARGET, _CALLBACK = 16, 24
"""Offsets of the target and the callback in ``PyWeakReference``."""
_NOBODY = pointer_at(weakref.ref(_Nobody()), _TARGET)


def reduce_reference(reference: Any, writer: Writer) -> Reduction:
    """Reduce a weak reference; a subclass's fields are deferred."""
    cls = type(reference)
    target = reference() if cls is weakref.ref else weakref.ref.__call__(reference)
    if cls is not weakref.ref:
        layout = layout_of(cls)
        if layout is None:
            return writer.refuse(reference, "a weak reference with C fields")
        writer.defer(fill_instance, reference, (*instance_state(reference, layout)[:2], None))
    callback = None if target is None else pointer_at(reference, _CALLBACK)
    return make_reference, (cls, target, callback)


def make_reference(cls: Any, target: Any, callback: Any) -> Any:
    """Rebuild a weak reference."""
    if target is None:
        return weakref.ref.__new__(cls, _Nobody())
    return weakref.ref.__new__(cls, target, callback)


def reduce_proxy(proxy: Any, writer: Writer) -> Reduction:
    """Reduce a weak proxy."""
    target = pointer_at(proxy, _TARGET)
    return make_proxy, (None if target is _NOBODY else target, pointer_at(proxy, _CALLBACK))


def make_proxy(target: Any, callback: Any) -> Any:
    """Rebuild a weak proxy."""
    return weakref.proxy(_Nobody() if target is None else target, callback)


# --- finalizers ----------------------------------------------------------------------------------
# Nothing of the program needs to hold a finalizer: the registry does, from its object's first day
# to its last.

_registry: Any = weakref.finalize._registry  # type: ignore[attr-defined]


def reduce_finalizer(finalizer: Any, _writer: Writer) -> Reduction:
    """Reduce a ``weakref.finalize``."""
    found = finalizer.peek()
    index = _registry[finalizer].index if found is not None else 0
    return make_finalizer, (found, bool(finalizer.atexit), index)


def make_finalizer(found: tuple[Any, ...] | None, at_exit: bool, index: int) -> Any:
    """Rebuild a finalizer, armed if it was, and with its place in the order at the exit."""
    if found is None:
        finalizer = weakref.finalize(_Nobody(), int)
        finalizer.detach()
        return finalizer
    target, function, arguments, keywords = found
    finalizer = weakref.finalize(target, function, *arguments, **keywords)
    finalizer.atexit = at_exit
    _registry[finalizer].index = index
    _count_on(index)
    return finalizer


def _count_on(index: int) -> None:
    """Let the next finalizer that is made come after that of ``index``."""
    cls: Any = weakref.finalize
    upcoming = next(cls._index_iter)
    cls._index_iter = count(max(upcoming, index + 1))


def is_waiting() -> bool:
    """Tell whether any finalizer waits for its object's end."""
    return bool(_registry)


def be_met(_obj: Any, _state: None) -> None:
    """Do nothing: a finalizer, say, is held by the registry from its making on."""


def finalizers_of(
    met: set[int], is_by_value: Callable[[type], bool], is_user_module: Callable[[Any], bool]
) -> list[Any]:
    """Return the program's finalizers that wait for an object whose identity is ``met``.

    A library that watches over its own objects arms its finalizers when it makes these again.
    """
    found = []
    for finalizer, info in list(_registry.items()):
        target = pointer_at(info.weakref, _TARGET)
        if id(target) not in met or id(finalizer) in met or type(finalizer) is not weakref.finalize:
            continue
        function = info.func
        while type(function) in (MethodType, partial):
            function = function.__func__ if type(function) is MethodType else function.func
        of_program = type(function) is BuiltinFunctionType or is_user_module(
            getattr(function, "__module__", None)
        )
        if of_program or is_by_value(type(target)):
            found.append(finalizer)
    return sorted(found, key=lambda finalizer: _registry[finalizer].index)


def claim(cls: type) -> Reducer | None:
    """Take every subclass of ``weakref.ref``."""
    return reduce_reference if issubclass(cls, weakref.ref) else None


REDUCERS: dict[type, Any] = {
    weakref.ref: reduce_reference,
    weakref.ProxyType: reduce_proxy,
    weakref.CallableProxyType: reduce_proxy,
    weakref.finalize: reduce_finalizer,
}
