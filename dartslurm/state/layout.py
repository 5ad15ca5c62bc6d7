"""The bare layout of an instance: what its classes add to the C type below them.

Takes a class; gives the C type that makes the instance, the door to its ``__dict__`` and its
slots. State is read and written through these only, so no ``__getattr__``, ``__setattr__``,
``__getstate__``, ``__new__`` or ``__init__`` of the program runs: such methods often leave things
out on purpose (an optimizer drops its hooks), and we must not.
"""

from __future__ import annotations

import sys
from ctypes import c_ssize_t, c_void_p
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, NamedTuple

_HEAP_TYPE = 1 << 9
_DEALLOC = 48
_BASICSIZE = 32
"""Offsets of ``tp_dealloc`` and ``tp_basicsize`` in ``PyTypeObject`` (3.11 to 3.13)."""


class _Sample:
    pass


_subtype_dealloc = c_void_p.from_address(id(_Sample) + _DEALLOC).value

dict_of_class = type.__dict__["__dict__"].__get__
"""``dict_of_class(cls)``: the class's own namespace, whatever its metaclass says."""
mro_of_class = type.__dict__["__mro__"].__get__
flags_of_class = type.__dict__["__flags__"].__get__
base_of_class = type.__dict__["__base__"].__get__
facts_of: Any = type.__getattribute__
"""``facts_of(cls, "__name__")``: what a class says of itself, without its metaclass's code."""


class Layout(NamedTuple):
    """How an instance is laid out."""

    base: type
    """The C type whose ``__new__`` makes the instance."""
    door: Any
    """The ``__dict__`` descriptor, ``None`` when instances have no dict."""
    slots: tuple[Any, ...]
    """The descriptors of the ``__slots__``, in the order of the bases."""


def is_python_class(cls: type) -> bool:
    """Tell whether a ``class`` statement (or ``type()``) made this class."""
    return (
        bool(flags_of_class(cls) & _HEAP_TYPE)
        and c_void_p.from_address(id(cls) + _DEALLOC).value == _subtype_dealloc
    )


def layout_of(cls: type) -> Layout | None:
    """Return the layout of instances of ``cls``; ``None`` if C code added fields of its own."""
    base: Any = cls
    count = 0
    while is_python_class(base):
        count += _added_fields(base)
        base = base_of_class(base)
    size = c_ssize_t.from_address(id(cls) + _BASICSIZE).value
    below = c_ssize_t.from_address(id(base) + _BASICSIZE).value
    if size - below > 8 * count:
        return None
    return Layout(base, dict_door(cls), slot_doors(cls))


def _added_fields(cls: type) -> int:
    namespace = dict_of_class(cls)
    return len(_own_slots(cls)) + ("__dict__" in namespace) + ("__weakref__" in namespace)


def _own_slots(cls: type) -> list[Any]:
    return [
        member
        for member in dict_of_class(cls).values()
        if type(member) is MemberDescriptorType and member.__objclass__ is cls
    ]


def slot_doors(cls: type) -> tuple[Any, ...]:
    """Return the slot descriptors of the Python classes of ``cls``."""
    return tuple(
        member
        for holder in mro_of_class(cls)
        if is_python_class(holder)
        for member in _own_slots(holder)
    )


def slot_names(cls: type) -> list[str] | None:
    """Return the ``__slots__`` to make a class like ``cls`` with; ``None`` when it has none."""
    namespace = dict_of_class(cls)
    if "__slots__" not in namespace:
        return None
    names = [member.__name__ for member in _own_slots(cls)]
    names += [
        name
        for name in ("__dict__", "__weakref__")
        if type(namespace.get(name)) is GetSetDescriptorType and namespace[name].__objclass__ is cls
    ]
    return names


def dict_door(cls: type) -> Any:
    """Return the ``__dict__`` descriptor of instances of ``cls``."""
    for holder in mro_of_class(cls):
        found = dict_of_class(holder).get("__dict__")
        if type(found) in (GetSetDescriptorType, MemberDescriptorType):
            return found
    return None


def lookup(cls: type, name: str) -> Any:
    """Return the class attribute ``name`` along the bases, without descriptors or metaclass."""
    for holder in mro_of_class(cls):
        namespace = dict_of_class(holder)
        if name in namespace:
            return namespace[name]
    return None


def _shared_count() -> int:
    sample: Any = _Sample()
    sample.value = 1
    namespace = sample.__dict__
    return sys.getrefcount(namespace)


UNSHARED_DICT = _shared_count()
"""``getrefcount`` of an instance's dict that nobody else holds, from a local variable."""
