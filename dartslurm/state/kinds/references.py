"""Weak references, proxies and finalizers: to the same object, dead when it is dead."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import fill_instance, instance_state
from dartslurm.state.layout import layout_of
from dartslurm.state.memory import pointer_at

if TYPE_CHECKING:
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


def reduce_finalizer(finalizer: Any, _writer: Writer) -> Reduction:
    """Reduce a ``weakref.finalize``."""
    found = finalizer.peek()
    return make_finalizer, (found, bool(finalizer.atexit))


def make_finalizer(found: tuple[Any, ...] | None, at_exit: bool) -> Any:
    """Rebuild a finalizer, armed if it was; its order among others is that of its making."""
    if found is None:
        finalizer = weakref.finalize(_Nobody(), int)
        finalizer.detach()
        return finalizer
    target, function, arguments, keywords = found
    finalizer = weakref.finalize(target, function, *arguments, **keywords)
    finalizer.atexit = at_exit
    return finalizer


def claim(cls: type) -> Reducer | None:
    """Take every subclass of ``weakref.ref``."""
    return reduce_reference if issubclass(cls, weakref.ref) else None


REDUCERS: dict[type, Any] = {
    weakref.ref: reduce_reference,
    weakref.ProxyType: reduce_proxy,
    weakref.CallableProxyType: reduce_proxy,
    weakref.finalize: reduce_finalizer,
}
