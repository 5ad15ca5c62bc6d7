"""Classes: a library's by name, the program's by value.

A class of the program is rebuilt in three steps, none of which runs its code. A *skeleton* is made
by ``type.__new__`` with the bases and slots, so that instances have their layout. Its attributes
are deferred and set as they were. What would make Python call into the class while other objects
are still empty (``__hash__``, ``__del__``, ``__init_subclass__``) comes last; until then instances
hash by identity, and every dict and set keyed by them is hashed anew at the end.
"""

from __future__ import annotations

import abc
import gc
import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dartslurm.errors import InternalError
from dartslurm.state.contract import LATE_CLASSES, Reducer, Reduction, Writer, reader
from dartslurm.state.kinds.instances import has_own_hash, set_dict
from dartslurm.state.layout import (
    dict_of_class,
    facts_of,
    is_python_class,
    mro_of_class,
    slot_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LATE = ("__hash__", "__del__", "__init_subclass__")
_MADE_BY_TYPE = frozenset(("__dict__", "__weakref__", "__abstractmethods__", "_abc_impl"))

_BY_EXPRESSION: dict[type, str] = {
    type(None): "none", type(...): "ellipsis", type(NotImplemented): "not_implemented",
}  # fmt: skip
_FROM_NAME = {name: cls for cls, name in _BY_EXPRESSION.items()}


def _hidden_types() -> dict[str, type]:
    """Types of the interpreter that no module holds under their own name."""
    samples = {
        "dict_keys": {}.keys(), "dict_values": {}.values(), "dict_items": {}.items(),
        "dict_keyiterator": iter({}), "dict_valueiterator": iter({}.values()),
        "dict_itemiterator": iter({}.items()), "list_iterator": iter([]),
        "list_reverseiterator": reversed([]), "tuple_iterator": iter(()),
        "set_iterator": iter(set()), "range_iterator": iter(range(0)), "str_iterator": iter("\xe9"),
        "str_ascii_iterator": iter("a"), "bytes_iterator": iter(b""),
        "bytearray_iterator": iter(bytearray()), "callable_iterator": iter(int, 0),
    }  # fmt: skip
    return {name: type(sample) for name, sample in samples.items()}


_FROM_NAME.update(_hidden_types())
_HIDDEN = {cls: name for name, cls in _FROM_NAME.items()}


def hidden_type(name: str) -> type:
    """Rebuild a reference to a type that no module holds."""
    return _FROM_NAME[name]


def reduce_class(cls: type, writer: Writer) -> Reduction:
    """Reduce a class."""
    if cls in _HIDDEN and facts_of(cls, "__module__") == "builtins":
        return hidden_type, (_HIDDEN[cls],)
    found = writer.located(cls)
    if found is not None:
        return found
    if not is_python_class(cls):
        if facts_of(cls, "__module__") == "decimal" and cls.__name__ == "ContextManager":
            from dartslurm.state.kinds.decimals import manager_type

            return manager_type, ()
        return writer.refuse(cls, "a C type that no module holds")
    namespace = dict_of_class(cls)
    late = _late_attributes(cls, namespace)
    writer.defer(fill_class, cls, (_attributes(cls, namespace), late, _abstract_parts(cls)))
    slots = slot_names(cls)
    return make_class, (
        type(cls), facts_of(cls, "__name__"), facts_of(cls, "__qualname__"),
        facts_of(cls, "__bases__"), slots, has_own_hash(cls),
    )  # fmt: skip


def _attributes(cls: type, namespace: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in namespace.items()
        if name not in _MADE_BY_TYPE and name not in _LATE and not _is_own_slot(cls, value)
    }


def _is_own_slot(cls: type, value: Any) -> bool:
    return type(value) is types.MemberDescriptorType and value.__objclass__ is cls


def _late_attributes(cls: type, namespace: Any) -> dict[str, Any]:
    return {name: namespace[name] for name in _LATE if name in namespace}


def _abstract_parts(cls: type) -> tuple[Any, Any] | None:
    """Return the abstract method names and the virtual subclasses of an ABC."""
    if not issubclass(type(cls), abc.ABCMeta):
        return None
    registry = _abc()._get_dump(cls)[0]
    registered = [found for ref in registry if (found := ref()) is not None]
    return sorted(getattr(cls, "__abstractmethods__", ())), registered


def _abc() -> Any:
    return sys.modules["_abc"]


def make_class(
    metaclass: type, name: str, qualname: str, bases: tuple[type, ...], slots: Any, own_hash: bool
) -> type:
    """Rebuild the skeleton of a class."""
    namespace: dict[str, Any] = {"__qualname__": qualname, "__module__": "__main__"}
    if slots is not None:
        namespace["__slots__"] = slots
    if own_hash:
        namespace["__hash__"] = object.__hash__
    with _silent_bases(bases):
        cls: type = type.__new__(metaclass, name, bases, namespace)
    if isinstance(cls, abc.ABCMeta):
        _abc()._abc_init(cls)
        # its methods come later; until then instances must be makeable all the same
        cls.__abstractmethods__ = frozenset()
    if own_hash:
        reader().rehash_instances_of(cls)
    return cls


@contextmanager
def _silent_bases(bases: tuple[type, ...]) -> Iterator[None]:
    """Keep ``__init_subclass__`` of the bases from running a second time."""
    silenced = []
    quiet = classmethod(lambda _cls, **_options: None)
    for base in {holder for direct in bases for holder in mro_of_class(direct)}:
        saved = dict_of_class(base).get("__init_subclass__")
        if saved is not None and base is not object:
            try:
                type.__setattr__(base, "__init_subclass__", quiet)
            except TypeError:  # a C type: it has no Python code to run
                continue
            silenced.append((base, saved))
    try:
        yield
    finally:
        for base, saved in silenced:
            type.__setattr__(base, "__init_subclass__", saved)


def fill_class(cls: type, state: tuple[dict[str, Any], dict[str, Any], Any]) -> None:
    """Give a class its attributes; the late ones when everything else is filled."""
    attributes, late, abstract = state
    kept = dict_of_class(cls)
    for name in [n for n in kept if n not in attributes and n in ("__doc__", "__slots__")]:
        type.__delattr__(cls, name)
    for name, value in attributes.items():
        _set(cls, name, value)
    reader().late(LATE_CLASSES, lambda: _finish(cls, late, abstract))


def _set(cls: type, name: str, value: Any) -> None:
    if name == "__doc__" and value is None and dict_of_class(cls).get(name) is None:
        return
    if name == "__class__":  # ``type.__setattr__`` would change the metaclass
        [namespace] = gc.get_referents(dict_of_class(cls))
        namespace[name] = value
        type.__setattr__(cls, "__module__", namespace["__module__"])  # tells Python of it
        return
    try:
        type.__setattr__(cls, name, value)
    except (TypeError, AttributeError) as error:
        raise InternalError(f"cannot set {cls.__qualname__}.{name}: {error}") from error


def _finish(cls: type, late: dict[str, Any], abstract: Any) -> None:
    if "__hash__" in dict_of_class(cls) and "__hash__" not in late:
        type.__delattr__(cls, "__hash__")
    for name, value in late.items():
        type.__setattr__(cls, name, value)
    if abstract is not None:
        cls.__abstractmethods__ = frozenset(abstract[0])  # type: ignore[attr-defined]
        for registered in abstract[1]:
            _abc()._abc_register(cls, registered)


def reduce_module(module: types.ModuleType, writer: Writer) -> Reduction:
    """Reduce a module: by name, or by value when it is in no table of modules."""
    from dartslurm.state.modules import find_module, namespace_of

    name = namespace_of(module).get("__name__")
    if isinstance(name, str) and sys.modules.get(name) is module:
        return find_module, (name,)
    for other, found in list(sys.modules.items()):
        if found is module:
            return find_module, (other,)
    writer.defer(set_dict, module, namespace_of(module))  # its functions hold that very dict
    return type(module), (str(name),)


def claim(cls: type) -> Reducer | None:
    """Take every metaclass and every class of modules."""
    if issubclass(cls, type):
        return reduce_class
    return reduce_module if issubclass(cls, types.ModuleType) else None


REDUCERS: dict[type, Reducer] = {type: reduce_class, types.ModuleType: reduce_module}
