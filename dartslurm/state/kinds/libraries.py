"""ctypes: libraries by path, functions by library and name, plain data by its bytes.

Types are made again as the program has made them: by multiplication, ``POINTER``, ``CFUNCTYPE``,
or a class of its own with ``_fields_``.
"""

from __future__ import annotations

import ctypes
import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dartslurm.state.contract import Reducer, Reduction, Writer

_FUNCTION: Any = vars(ctypes)["_CFuncPtr"]
_SIMPLE: Any = ctypes._SimpleCData
_DATA: Any = _SIMPLE.__base__
_POINTER: Any = vars(ctypes)["_Pointer"]
_TEXTS = ctypes.c_char_p, ctypes.c_wchar_p

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
    called = _python_function(function)
    if called is not None:
        return make_callback, (type(function), called)
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


def _python_function(function: Any) -> Any:
    """Return what a C callback calls: function and thunk both hold it."""
    held = gc.get_referents(function)
    thunks = [one for one in held if type(one).__name__ == "CThunkObject"]
    held_below = [id(one) for thunk in thunks for one in gc.get_referents(thunk)]
    called = [
        one for one in held if id(one) in held_below and callable(one) and not isinstance(one, type)
    ]
    return called[0] if len(called) == 1 else None


def make_callback(cls: Any, called: Any) -> Any:
    """Rebuild a C callback; its address is another one."""
    return cls(called)


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
    held: Any = data._objects
    if isinstance(data, _TEXTS) and isinstance(held, (bytes, str)):
        return type(data), (held,)  # what it points at
    content = memoryview(data).cast("B")
    if any(any(content[place : place + 8]) for place in _addresses(type(data))):
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
    pointer = ctypes.cast(ctypes.pointer(data), cls)
    ctypes.c_size_t.from_buffer(pointer).value += offset
    return pointer


def _addresses(cls: Any, at: int = 0) -> Iterator[int]:
    """Yield the place of each address in data of a type."""
    if issubclass(cls, _SIMPLE):
        if next(t._type_ for t in cls.__mro__ if "_type_" in vars(t)) in "PzZO":
            yield at
    elif issubclass(cls, ctypes.Array):
        size = ctypes.sizeof(cls._type_)
        for index in range(cls._length_ if any(True for _ in _addresses(cls._type_)) else 0):
            yield from _addresses(cls._type_, at + index * size)
    elif issubclass(cls, (ctypes.Structure, ctypes.Union)):
        for holder in cls.__mro__:
            for field in vars(holder).get("_fields_", ()):
                yield from _addresses(field[1], at + vars(holder)[field[0]].offset)
    else:
        yield at


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


def reduce_array_type(cls: Any, writer: Writer) -> Reduction:
    """Reduce ``type * length``."""
    if cls._type_ * cls._length_ is not cls:
        return _reduce_data_class(cls, writer)
    return writer.located(cls) or (make_array_type, (cls._type_, cls._length_, cls.__module__))


def make_array_type(cls: Any, length: int, module: str) -> Any:
    """Rebuild ``type * length``; ``module`` is where it was written."""
    made = cls * length
    made.__module__ = module
    return made


def reduce_pointer_type(cls: Any, writer: Writer) -> Reduction:
    """Reduce ``POINTER(type)``."""
    target = vars(cls).get("_type_")
    found = writer.located(cls)
    if found is None and (target is None or ctypes.POINTER(target) is not cls):
        return writer.refuse(cls, "a class of pointers that POINTER has not made")
    return found or (make_pointer_type, (target, cls.__module__))


def make_pointer_type(target: Any, module: str) -> Any:
    """Rebuild ``POINTER(type)``; ``module`` is where it was written."""
    made: Any = ctypes.POINTER(target)
    made.__module__ = module
    return made


def reduce_function_type(cls: Any, writer: Writer) -> Reduction:
    """Reduce ``CFUNCTYPE(result, ...)``."""
    found = writer.located(cls)
    if found is not None:
        return found
    facts = vars(cls)
    if "_argtypes_" not in facts or "_restype_" not in facts:
        return writer.refuse(cls, "the class of the functions of a library")
    return make_function_type, (facts["_restype_"], facts["_argtypes_"], facts["_flags_"])


def make_function_type(result: Any, arguments: tuple[Any, ...], flags: int) -> Any:
    """Rebuild ``CFUNCTYPE(result, ...)``."""
    if flags & _HOLDS_THE_LOCK:
        return ctypes.PYFUNCTYPE(result, *arguments)
    return ctypes.CFUNCTYPE(result, *arguments, use_errno=bool(flags & _USES_ERRNO))


def _reduce_data_class(cls: Any, writer: Writer) -> Reduction:
    """Reduce a class of C data of the program's own."""
    found = writer.located(cls)
    if found is not None:
        return found
    facts = vars(cls)
    fields = facts.get("_fields_")
    if any(cls in _structures_in(one) for one in _structures_in(cls) - {cls}):
        return writer.refuse(cls, "a structure that another one in it holds")
    layout = {name: facts[name] for name in _LAYOUT if name in facts}
    attributes = {
        name: value
        for name, value in facts.items()
        if name not in _MADE and name not in layout and type(value) is not _FIELD
    }
    writer.defer(fill_data_class, cls, {**attributes, "__qualname__": cls.__qualname__})
    if fields is not None:
        fields = [(one[0], _written(one[1], cls), *one[2:]) for one in fields]
    return make_data_class, (cls.__name__, cls.__bases__, layout, fields)


def _structures_in(cls: Any) -> set[Any]:
    """Return the structures that lie in a structure, or that it points at."""
    found, left = set(), [cls]
    while left:
        one = left.pop()
        for field in vars(one).get("_fields_", ()):
            kind = field[1]
            while issubclass(kind, (ctypes.Array, _POINTER)):
                kind = kind._type_
            if issubclass(kind, (ctypes.Structure, ctypes.Union)) and kind not in found:
                found.add(kind)
                left.append(kind)
    return found


def _written(kind: Any, cls: Any) -> Any:
    """Return the type of a field, in words where it is made of the structure itself."""
    if issubclass(kind, _POINTER) and cls in _parts(kind):
        return "pointer", _written(kind._type_, cls)
    if issubclass(kind, ctypes.Array) and cls in _parts(kind):
        return "array", _written(kind._type_, cls), kind._length_
    return ("itself",) if kind is cls else kind


def _parts(kind: Any) -> list[Any]:
    found = [kind]
    while issubclass(found[-1], (ctypes.Array, _POINTER)):
        found.append(found[-1]._type_)
    return found


def _read(written: Any, cls: Any) -> Any:
    if not isinstance(written, tuple):
        return written
    if written[0] == "itself":
        return cls
    inner = _read(written[1], cls)
    return ctypes.POINTER(inner) if written[0] == "pointer" else inner * written[2]


def make_data_class(name: str, bases: Any, layout: dict[str, Any], fields: Any) -> Any:
    """Rebuild a class of C data, without its methods; no module holds its metaclass."""
    metaclass: Any = type(bases[0])
    cls = metaclass(name, bases, dict(layout))
    if fields is not None:
        cls._fields_ = [(one[0], _read(one[1], cls), *one[2:]) for one in fields]
    return cls


def fill_data_class(cls: Any, attributes: dict[str, Any]) -> None:
    """Give a class of C data its methods."""
    for name, value in attributes.items():
        setattr(cls, name, value)


class _Probe(ctypes.Structure):
    _fields_ = (("field", ctypes.c_int),)


_FIELD = type(vars(_Probe)["field"])
_LAYOUT = ("_type_", "_length_", "_pack_", "_anonymous_", "_align_", "_layout_")
_MADE = ("_fields_", "__dict__", "__weakref__")
_HOLDS_THE_LOCK, _USES_ERRNO = 4, 8

REDUCERS: dict[type, Any] = {
    type(ctypes.c_int * 1): reduce_array_type,
    type(ctypes.POINTER(ctypes.c_int)): reduce_pointer_type,
    type(_FUNCTION): reduce_function_type,
    type(ctypes.Structure): _reduce_data_class,
    type(ctypes.Union): _reduce_data_class,
    type(ctypes.c_int): _reduce_data_class,
}
