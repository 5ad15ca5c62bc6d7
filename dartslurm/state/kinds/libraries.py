"""ctypes: libraries by path, functions by library and name, plain data by its bytes."""

from __future__ import annotations

import ctypes
import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_FUNCTION: Any = vars(ctypes)["_CFuncPtr"]
_SIMPLE: Any = ctypes._SimpleCData
_DATA: Any = _SIMPLE.__base__
_POINTER: Any = vars(ctypes)["_Pointer"]

RECREATED = True


def claim(cls: type) -> Reducer | None:
    """Take libraries, their functions and C data."""
    if issubclass(cls, ctypes.CDLL):
        return reduce_library
    if issubclass(cls, _FUNCTION):
        return reduce_function
    return reduce_data if issubclass(cls, _DATA) else None


def reduce_library(library: Any, writer: Writer) -> Reduction:
    """Reduce a loaded library."""
    known = writer.known(library)
    if known is not None:
        return known
    return find_library, (type(library), library._name)


def find_library(cls: Any, path: str | None) -> Any:
    """Load a library again (the loader gives the same one)."""
    return cls(path)


def reduce_function(function: Any, writer: Writer) -> Reduction:
    """Reduce a foreign function."""
    known = writer.known(function)
    if known is not None:
        return known
    name = getattr(function, "__name__", None)
    for owner in _owners(function):
        if isinstance(name, str):
            writer.defer(fill_function, function, (function.argtypes, function.restype))
            return find_function, (owner, name)
    return writer.refuse(function, "a C callback, or a function of no known library")


def _owners(function: Any) -> list[Any]:
    held = gc.get_referents(function)
    held += [item for obj in held if type(obj) is dict for item in obj.values()]
    found = [obj for obj in held if isinstance(obj, ctypes.CDLL)]
    if found:
        return found
    return [obj for obj in gc.get_referrers(type(function)) if isinstance(obj, ctypes.CDLL)] + [
        holder
        for namespace in gc.get_referrers(type(function))
        if type(namespace) is dict
        for holder in gc.get_referrers(namespace)
        if isinstance(holder, ctypes.CDLL)
    ]


def find_function(library: Any, name: str) -> Any:
    """Rebuild a foreign function: an object of its own, as ``library[name]`` gives."""
    return library[name]


def fill_function(function: Any, state: tuple[Any, Any]) -> None:
    """Give a foreign function its types."""
    if state[0] is not None:
        function.argtypes = state[0]
    function.restype = state[1]


def reduce_data(data: Any, writer: Writer) -> Reduction:
    """Reduce C data: its bytes, unless there are addresses of this process among them."""
    known = writer.known(data)
    if known is not None:
        return known
    if isinstance(data, _POINTER):
        return _reduce_pointer(data, writer)
    if _has_pointers(type(data)) and any(memoryview(data).cast("B")):
        return writer.refuse(data, "C data with an address of the ended process")
    if data._b_base_ is not None:
        return make_part, (type(data), data._b_base_, _offset(data))
    try:
        return make_data, (type(data), bytes(memoryview(data).cast("B")), data.__dict__)
    except (TypeError, ValueError, AttributeError):
        return writer.own(data)


def _reduce_pointer(pointer: Any, writer: Writer) -> Reduction:
    """Reduce a typed pointer to data that Python holds too."""
    held = [obj for obj in (pointer._objects or {}).values() if isinstance(obj, _DATA)]
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    if not address:
        return type(pointer), ()
    for data in held:
        offset = address - ctypes.addressof(data)
        if 0 <= offset < ctypes.sizeof(data) and not isinstance(data, _POINTER):
            return make_pointer, (type(pointer), data, offset)
    return writer.refuse(pointer, "a pointer into memory of the ended process")


def make_pointer(cls: Any, data: Any, offset: int) -> Any:
    """Rebuild a typed pointer."""
    return ctypes.cast(ctypes.byref(data, offset), cls)


def _has_pointers(cls: Any) -> bool:
    """Tell whether data of a type holds addresses."""
    if issubclass(cls, _SIMPLE):
        return next(t._type_ for t in cls.__mro__ if "_type_" in vars(t)) in "PzZO"
    if issubclass(cls, ctypes.Array):
        return _has_pointers(cls._type_)
    if issubclass(cls, (ctypes.Structure, ctypes.Union)):
        return any(_has_pointers(field[1]) for t in cls.__mro__
                   for field in vars(t).get("_fields_", ()))  # fmt: skip
    return True


def _offset(data: Any) -> int:
    return ctypes.addressof(data) - ctypes.addressof(data._b_base_)


def make_part(cls: Any, whole: Any, offset: int) -> Any:
    """Rebuild C data that lies inside other C data."""
    return cls.from_buffer(whole, offset)


def make_data(cls: Any, content: bytes, namespace: dict[str, Any]) -> Any:
    """Rebuild C data."""
    data = cls.from_buffer_copy(content)
    data.__dict__.update(namespace)
    return data
