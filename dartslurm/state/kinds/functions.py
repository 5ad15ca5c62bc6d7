"""Functions, their code and cells, and what wraps them: methods, descriptors, partials.

A function of a library that its module and qualified name lead to goes by that name; any other
(the program's own, closures, lambdas, decorated ones) goes by value: code, globals (the module's
namespace itself), closure cells with their identity, and, deferred, everything a program can set.
"""

from __future__ import annotations

import _queue
import marshal
import types
import weakref
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter import tasks
from dartslurm.interpreter.code import original
from dartslurm.state.layout import dict_of_class, mro_of_class
from dartslurm.state.modules import is_module

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_marshalled: dict[int, tuple[weakref.ref[CodeType], bytes]] = {}


def reduce_code(code: CodeType, _writer: Writer) -> Reduction:
    """Reduce code: always as the compiler made it, never a continuation."""
    source = original(code)
    if source is not code:
        return _same, (source,)
    found = _marshalled.get(id(code))
    if found is None or found[0]() is not code:
        key = id(code)
        found = weakref.ref(code, lambda _: _marshalled.pop(key, None)), marshal.dumps(code)
        _marshalled[key] = found
    return marshal.loads, (found[1],)


def _same(obj: Any) -> Any:
    return obj


def reduce_function(function: FunctionType, writer: Writer) -> Reduction:
    """Reduce a Python function."""
    found = writer.located(function)
    if found is not None:
        return found
    state: dict[str, Any] = {
        name: value for name in _ATTRIBUTES if (value := getattr(function, name, None)) is not None
    }
    writer.defer(fill_function, function, (state, function.__dict__))
    return make_function, (function.__code__, function.__globals__, function.__closure__)


_ATTRIBUTES = (
    "__defaults__", "__kwdefaults__", "__name__", "__qualname__", "__module__", "__doc__",
    "__annotations__", "__type_params__",
)  # fmt: skip


def make_function(code: CodeType, namespace: dict[str, Any], closure: Any) -> FunctionType:
    """Rebuild a function without its attributes."""
    return FunctionType(code, namespace, code.co_name, None, closure)


def fill_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Give a function its attributes."""
    attributes, namespace = state
    for name in ("__doc__", "__module__"):
        setattr(function, name, attributes.pop(name, None))
    for name, value in attributes.items():
        setattr(function, name, value)
    function.__dict__ = namespace  # others may hold it


def reduce_cell(cell: CellType, writer: Writer) -> Reduction:
    """Reduce a closure's cell."""
    try:
        writer.defer(fill_cell, cell, cell.cell_contents)
    except ValueError:  # empty
        pass
    return CellType, ()


def fill_cell(cell: CellType, contents: Any) -> None:
    """Give a cell its contents."""
    cell.cell_contents = contents


def reduce_method(method: MethodType, writer: Writer) -> Reduction:
    """Reduce a bound method."""
    found = writer.located(method)
    if found is None and type(method.__func__) is types.BuiltinFunctionType:  # pybind11's
        for cls in mro_of_class(type(method.__self__)):
            entry = dict_of_class(cls).get(method.__func__.__name__)
            if getattr(entry, "__func__", None) is method.__func__:
                return bind, (cls, method.__func__.__name__, method.__self__)
    return found or (MethodType, (method.__func__, method.__self__))


def reduce_builtin(function: Any, writer: Writer) -> Reduction:
    """Reduce a C function or a bound method of a C type."""
    holder = function.__self__
    if tasks.is_wakeup(function):
        return tasks.make_wakeup, (holder,)
    if holder is None or is_module(holder):
        found = writer.located(function)
        if found is None and holder is not None and hasattr(holder, function.__name__):
            found = getattr, (holder, function.__name__)
        return found or writer.refuse(function, "a C function that no module holds")
    found = writer.located(function)
    if found is not None:
        return found
    if isinstance(holder, type):
        return bind_to_class, (holder, function.__name__)
    owner = _owner(function, holder)
    if writer.located(owner) is None:  # a class that no module holds
        return getattr, (holder, function.__name__)
    return bind, (owner, function.__name__, holder)


def _owner(function: Any, holder: Any) -> type:
    name = function.__name__
    cls: type
    for cls in mro_of_class(type(holder)):
        entry = dict_of_class(cls).get(name)
        if type(entry) in (types.MethodDescriptorType, types.WrapperDescriptorType):
            return cls
    return type(holder)


def bind(cls: type, name: str, holder: Any) -> Any:
    """Rebuild a bound method of a C type."""
    found = dict_of_class(cls).get(name)
    return getattr(holder, name) if found is None else found.__get__(holder, type(holder))


def bind_to_class(cls: type, name: str) -> Any:
    """Rebuild a class method (or ``__new__``) of a C type."""
    for holder in mro_of_class(cls):
        entry = dict_of_class(holder).get(name)
        if type(entry) is types.BuiltinFunctionType:
            return entry
        if type(entry) is types.ClassMethodDescriptorType:
            return entry.__get__(None, cls)
    return getattr(cls, name)


def reduce_method_wrapper(wrapper: Any, _writer: Writer) -> Reduction:
    """Reduce a bound slot such as ``[].__len__``."""
    return bind, (_owner(wrapper, wrapper.__self__), wrapper.__name__, wrapper.__self__)


def reduce_class_entry(entry: Any, _writer: Writer) -> Reduction:
    """Reduce a descriptor that C made for a class: its slots, its C methods and fields."""
    return class_entry, (entry.__objclass__, entry.__name__)


def class_entry(cls: type, name: str) -> Any:
    """Rebuild a reference to an entry of a class."""
    namespace = dict_of_class(cls)
    if name in namespace:
        return namespace[name]
    return namespace[f"_{cls.__name__.lstrip('_')}{name}"]  # a private slot


def reduce_property(prop: property, writer: Writer) -> Reduction:
    """Reduce a property."""
    found = writer.located(prop)
    if found is not None:
        return found
    writer.defer(fill_property, prop, (prop.fget, prop.fset, prop.fdel, prop.__doc__))
    return property.__new__, (property,)


def fill_property(prop: property, state: tuple[Any, ...]) -> None:
    """Give a property its functions."""
    prop.__init__(*state)  # type: ignore[misc]


def reduce_wrapped_method(wrapper: Any, writer: Writer) -> Reduction:
    """Reduce a ``staticmethod`` or ``classmethod``."""
    writer.defer(fill_wrapped_method, wrapper, (wrapper.__func__, wrapper.__dict__))
    return type(wrapper), (None,)


def fill_wrapped_method(wrapper: Any, state: tuple[Any, dict[str, Any]]) -> None:
    """Give a ``staticmethod`` or ``classmethod`` its function."""
    wrapper.__init__(state[0])
    wrapper.__dict__.clear()
    wrapper.__dict__.update(state[1])


def reduce_partial(obj: partial[Any], writer: Writer) -> Reduction:
    """Reduce a ``functools.partial``."""
    found = writer.located(obj)
    if found is not None:
        return found
    writer.defer(fill_partial, obj, (obj.func, obj.args, obj.keywords, obj.__dict__ or None))
    return make_partial, (type(obj),)


def make_partial(cls: type[partial[Any]]) -> partial[Any]:
    """Rebuild a partial without its function."""
    return partial.__new__(cls, _same)


def fill_partial(obj: Any, state: tuple[Any, ...]) -> None:
    """Give a partial its function and arguments."""
    partial.__setstate__(obj, state)  # type: ignore[attr-defined]


REDUCERS = {
    CodeType: reduce_code,
    FunctionType: reduce_function,
    CellType: reduce_cell,
    MethodType: reduce_method,
    types.BuiltinFunctionType: reduce_builtin,
    type(_queue.SimpleQueue().get): reduce_builtin,  # a method that is told its class
    types.MethodWrapperType: reduce_method_wrapper,
    types.WrapperDescriptorType: reduce_class_entry,
    types.MethodDescriptorType: reduce_class_entry,
    types.ClassMethodDescriptorType: reduce_class_entry,
    types.GetSetDescriptorType: reduce_class_entry,
    types.MemberDescriptorType: reduce_class_entry,
    property: reduce_property,
    staticmethod: reduce_wrapped_method,
    classmethod: reduce_wrapped_method,
    partial: reduce_partial,
}
