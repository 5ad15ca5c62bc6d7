"""Instances of Python classes, and the containers written in C that such classes build on.

An instance becomes a shell made by the C type's own ``__new__``; its dict, slots and items are
deferred. Only classes of *imported* modules with a hash of their own carry their state inline,
because an instance may be a key before the load is over; classes of the program are loaded with
an identity hash and hashed anew at the end (see `classes`).
"""

from __future__ import annotations

import copyreg
import sys
from collections import OrderedDict, defaultdict, deque
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.objects import replace_dict
from dartslurm.state.layout import UNSHARED_DICT, Layout, dict_door, layout_of, lookup, slot_doors

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

VALUES: dict[type, Any] = {
    tuple: lambda obj: (tuple(tuple.__iter__(obj)),),
    frozenset: lambda obj: (list(frozenset.__iter__(obj)),),
    int: lambda obj: (int.__index__(obj),),
    float: lambda obj: (float.__float__(obj),),
    complex: lambda obj: (complex.__pos__(obj),),
    str: lambda obj: (str.__str__(obj),),
    bytes: lambda obj: (bytes.__add__(obj, b""),),
}
"""C types whose value is given to ``__new__`` and never changes; other kinds add theirs."""

_FACTORY, _LENGTH = defaultdict.__dict__["default_factory"], deque.__dict__["maxlen"]
_ITEMS: dict[type, Any] = {
    object: lambda _: None,
    SimpleNamespace: lambda _: None,
    list: lambda obj: list(list.__iter__(obj)),
    dict: dict.copy,
    set: lambda obj: list(set.__iter__(obj)),
    bytearray: lambda obj: bytes(obj),
    OrderedDict: lambda obj: list(OrderedDict.items(obj)),
    defaultdict: lambda obj: (_FACTORY.__get__(obj), dict.copy(obj)),
    deque: lambda obj: (_LENGTH.__get__(obj), list(deque.__iter__(obj))),
}
"""C types that are filled after they are made."""


CARRIED = frozenset((*VALUES, *_ITEMS))
"""C types whose instances, and those of classes built on them, travel by their bare layout."""


def raw_reducer(cls: type, *, inline: bool) -> Reducer | None:
    """Return the reducer for instances of ``cls`` by their bare layout, if they have one."""
    layout = layout_of(cls)
    if layout is None or (layout.base not in _ITEMS and layout.base not in VALUES):
        return None
    if layout.base in VALUES:
        return _value_reducer(cls, layout, inline=inline)
    if inline:
        return _inline_reducer(cls, layout)
    if layout.base is object and not layout.slots:
        return _plain_reducer(cls, layout)
    return _full_reducer(cls, layout)


def _plain_reducer(cls: type, layout: Layout) -> Reducer:
    made = object.__new__, (cls,)
    if layout.door is None:
        return lambda _obj, _writer: made
    get = layout.door.__get__

    def reduce_plain(obj: Any, writer: Writer) -> Reduction:
        namespace = get(obj)
        if sys.getrefcount(namespace) > UNSHARED_DICT:
            writer.defer(set_dict, obj, namespace)
        elif namespace:
            writer.defer(fill_dict, obj, namespace)
        return made

    return reduce_plain


def _full_reducer(cls: type, layout: Layout) -> Reducer:
    made = layout.base.__new__, (cls,)

    def reduce_full(obj: Any, writer: Writer) -> Reduction:
        items = _defer_state(obj, layout, writer)
        if items is None:
            return made
        return *made, items, None, None, fill_items  # an iterator may come next, and need them

    return reduce_full


def _inline_reducer(cls: type, layout: Layout) -> Reducer:
    def reduce_inline(obj: Any, _writer: Writer) -> Reduction:
        state = instance_state(obj, layout)
        return layout.base.__new__, (cls,), state, None, None, fill_instance

    return reduce_inline


def _value_reducer(cls: type, layout: Layout, *, inline: bool) -> Reducer:
    value_of = VALUES[layout.base]

    def reduce_value(obj: Any, writer: Writer) -> Reduction:
        made = layout.base.__new__, (cls, *value_of(obj))
        if inline:
            namespace, slots, _ = instance_state(obj, layout)
            return *made, (namespace, slots, None), None, None, fill_instance
        _defer_state(obj, layout, writer)
        return made

    return reduce_value


def _defer_state(obj: Any, layout: Layout, writer: Writer) -> Any:
    namespace, slots, items = deferred_dict(obj, layout, writer)
    if namespace or slots:
        writer.defer(fill_instance, obj, (namespace, slots, None))
    return items


def deferred_dict(obj: Any, layout: Layout, writer: Writer) -> tuple[Any, list[Any], Any]:
    """Return the state of an instance; without its dict, deferred as that very dict, if shared.

    A dict that others hold is often the object itself: ``self.__dict__ = self``, in a dict whose
    items are its attributes.
    """
    held = layout.door.__get__(obj) if layout.door is not None else None
    is_shared = held is not None and sys.getrefcount(held) > UNSHARED_DICT
    state = instance_state(obj, layout)
    if not is_shared:
        return state
    writer.defer(set_dict, obj, held)
    return None, *state[1:]


def instance_state(obj: Any, layout: Layout) -> tuple[Any, list[Any], Any]:
    """Return dict, slots and items of an instance (live references)."""
    namespace = layout.door.__get__(obj) if layout.door is not None else None
    slots: list[Any] = []
    for index, door in enumerate(layout.slots):
        try:
            slots += (index, door.__get__(obj))
        except AttributeError:
            continue
    items_of = _ITEMS.get(layout.base)
    return namespace or None, slots, items_of(obj) if items_of is not None else None


def fill_dict(obj: Any, namespace: dict[str, Any]) -> None:
    """Give a shell its attributes."""
    _door(type(obj)).__get__(obj).update(_interned(namespace))


def set_dict(obj: Any, namespace: dict[str, Any]) -> None:
    """Give a shell a dict that others hold too."""
    try:
        _door(type(obj)).__set__(obj, namespace)
    except (AttributeError, TypeError):  # a read-only door, as that of a SimpleNamespace
        replace_dict(obj, namespace, None)  # the C function that most doors lead to


def _interned(namespace: dict[str, Any]) -> dict[str, Any]:
    """Attribute lookups compare names by identity first."""
    intern = sys.intern
    return {intern(k) if type(k) is str else k: v for k, v in namespace.items()}


_doors: dict[type, Any] = {}


def _door(cls: type) -> Any:
    found = _doors.get(cls)
    if found is None:
        found = _doors[cls] = dict_door(cls)
    return found


def forget_doors() -> None:
    """Let go of the classes met in a load."""
    _doors.clear()


def fill_instance(obj: Any, state: tuple[Any, list[Any], Any]) -> None:
    """Give a shell its dict, slots and items."""
    namespace, slots, items = state
    cls = type(obj)
    if slots:
        doors = slot_doors(cls)
        for position in range(0, len(slots), 2):
            doors[slots[position]].__set__(obj, slots[position + 1])
    if namespace:
        fill_dict(obj, namespace)
    if items is not None:
        fill_items(obj, items)


def fill_items(obj: Any, items: Any) -> None:
    """Give a shell the items of the C container it is."""
    if isinstance(obj, defaultdict):
        _FACTORY.__set__(obj, items[0])
        dict.update(obj, items[1])
    elif isinstance(obj, deque):
        deque.__init__(obj, items[1], items[0])
    elif isinstance(obj, OrderedDict):
        for key, value in items:
            OrderedDict.__setitem__(obj, key, value)
    elif isinstance(obj, dict):
        dict.update(obj, items)
    elif isinstance(obj, set):
        set.update(obj, items)
    else:
        (list if isinstance(obj, list) else bytearray).extend(obj, items)


def has_own_hash(cls: type) -> bool:
    """Tell whether Python code computes the hash of instances of ``cls``."""
    found = lookup(cls, "__hash__")
    return found is not None and hasattr(found, "__code__")


_ENDS = ("__del__", "__exit__", "close")
_ADDRESS = 1 << 32
_FEW = 30
_ONLY_NEW = frozenset(("object", "super", "__new__", "__class__"))
_NOT_ASKED = sys.stdlib_module_names | {__name__.partition(".")[0]}


def is_copied_by(
    reduction: tuple[Any, ...], obj: Any, writer: Writer, *, in_cycle: bool = False
) -> bool:
    """Tell whether a library's reduction makes a copy where the bare layout makes the object.

    A ``__reduce__`` that only calls the class anew is written for ``copy`` and ``pickle``: parts
    that others hold come back twice, and what the object has met since is gone (a figure of plotly
    and its layout). One that asks a class of the program would ask it before it is whole: what a
    class leads to is filled late, as it leads back to the class (a mapper of SQLAlchemy and its
    paths, each reduced to the names of a class and of its attributes). And where the arguments lead
    back to the object (``in_cycle``), no builder can be given whole ones.
    """
    if in_cycle:
        return raw_reducer(type(obj), inline=False) is not None and (
            type(obj) not in copyreg.dispatch_table
        )
    copies = reduction[0] is type(obj) and all(part is None for part in reduction[2:])
    return (copies or _names_class_by_value(reduction[1], writer)) and _is_plain(obj)


def _names_class_by_value(value: Any, writer: Writer, depth: int = 3) -> bool:
    if issubclass(type(value), type):
        return writer.is_by_value(value)
    if type(value) not in (tuple, list) or not depth or len(value) > _FEW:
        return False
    return any(_names_class_by_value(part, writer, depth - 1) for part in value)


def _is_plain(obj: Any) -> bool:
    """Tell whether the bare layout of a library's object tells all that there is to it.

    Instances are plain Python objects, none is made by a ``__new__`` that may know it already, and
    none holds anything of the outside (which would have an end, or an address that is not the hash
    of another attribute).
    """
    cls = type(obj)
    if cls.__module__.partition(".")[0] in _NOT_ASKED:
        return False
    if lookup(type(cls), "__call__") is not type.__dict__["__call__"]:
        return False
    layout = layout_of(cls)
    if layout is None or layout.base not in _ITEMS or not _makes_anew(lookup(cls, "__new__")):
        return False
    if any(lookup(cls, name) is not None for name in _ENDS):
        return False
    namespace, slots, _ = instance_state(obj, layout)
    values = list(chain((namespace or {}).values(), slots))
    large = {value for value in values if type(value) is int and abs(value) >= _ADDRESS}
    return large <= {id(value) >> 4 for value in values} if large else True


def _makes_anew(new: Any) -> bool:
    """Tell whether a ``__new__`` can only make an object, and not know it already."""
    if type(new) is not staticmethod:
        return True
    code = getattr(new.__func__, "__code__", None)
    return code is not None and {*code.co_names, *code.co_freevars} <= _ONLY_NEW


def reduce_mark(obj: object, writer: Writer) -> Reduction:
    """Reduce a bare ``object()``: one that a library keeps under a name is compared by identity."""
    found = writer.known(obj)
    return found if found is not None else (object.__new__, (object,))


REDUCERS: dict[type, Any] = {
    **{
        cls: raw_reducer(cls, inline=False)
        for cls in (OrderedDict, defaultdict, deque, SimpleNamespace)
    },
    object: reduce_mark,
}
