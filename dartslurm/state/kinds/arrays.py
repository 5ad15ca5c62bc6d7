"""Numpy arrays: one buffer for all views of it, with strides, flags and sharing as they were.

An array that owns its memory becomes a leaf (large) or bytes (small). A view is the owner and the
place in it. Memory that numpy and another library both use is one leaf, and one block again.
"""

from __future__ import annotations

import array as plain_array
import contextvars
import datetime
import mmap
import sys
from typing import Any

import numpy as np

from dartslurm.state.contract import Reducer, Reduction, Writer, reader
from dartslurm.state.kinds import instances, small
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import LEAF_BYTES, address_of

_BUFFERS = (bytes, bytearray, memoryview, mmap.mmap, plain_array.array)


def claim(cls: type) -> Reducer | None:
    """Take every class of arrays."""
    return reduce_array if issubclass(cls, np.ndarray) else None


def reduce_array(array: Any, writer: Writer) -> Reduction:
    """Reduce an array or a view."""
    if type(array) is not np.ndarray:
        _defer_attributes(array, writer)
    if not array.flags.writeable:
        writer.defer(fill_read_only, array, None)
    owner = _owner(array)
    if array.dtype.hasobject and array.dtype != object:
        if owner is not array or _axis_order(array) is None or array.dtype.names is None:
            return writer.own(array)
        return _reduce_fields(array, writer)
    if array.size == 0:
        return make_small, (type(array), array.dtype, array.shape, tuple(range(array.ndim)), b"")
    if owner is not array and _axis_order(owner) is not None and not _is_foreign(owner):
        start = owner.__array_interface__["data"][0]
        return make_view, (type(array), owner, *_place(array, start))
    if owner.base is not None:
        return _reduce_on_base(array, owner.base, writer)
    return _reduce_owner(array, writer)


def _owner(array: Any) -> Any:
    """Return the array whose memory ``array`` shows, through numpy's own stand-ins."""
    while True:
        base = array.base
        if type(base).__name__ in ("DummyArray", "_memoryviewslice", "memoryview"):
            base = array_behind(base)
        if not isinstance(base, np.ndarray):
            return array
        array = base


def array_behind(base: Any) -> Any:
    """Return the array that a stand-in (or Cython's memoryview of one) refers to."""
    for _ in range(4):
        if isinstance(base, (np.ndarray, bytes, bytearray)) or base is None:
            return base
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return None


def reduce_memoryview(view: memoryview, writer: Writer) -> Reduction:
    """Reduce a memoryview over an array's memory, or over Cython's view of one."""
    owner = array_behind(view.obj)
    if not isinstance(owner, np.ndarray):
        return small.reduce_memoryview(view, writer)
    owner = _owner(owner)
    shown = np.asarray(view)
    start, end = (owner.__array_interface__["data"][0], owner.nbytes)
    place = _place(shown, start)
    if _axis_order(owner) is None or not 0 <= place[-1] <= end or shown.dtype.hasobject:
        return small.reduce_memoryview(view, writer)
    return make_memoryview, (owner, *place, view.readonly)


def make_memoryview(
    owner: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int,
    read_only: bool,
) -> memoryview:  # fmt: skip
    """Rebuild a memoryview over an array's memory."""
    view = memoryview(make_view(np.ndarray, owner, dtype, shape, strides, offset))
    return view.toreadonly() if read_only and not view.readonly else view


def _is_foreign(owner: Any) -> bool:
    return isinstance(owner.base, _BUFFERS) or _is_tensor(owner.base)


def _is_tensor(base: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(type(base), torch.Tensor)


def _defer_attributes(array: Any, writer: Writer) -> None:
    door = dict_door(type(array))
    namespace = door.__get__(array) if door is not None else None
    if namespace:
        writer.defer(fill_attributes, array, namespace)


def fill_attributes(array: Any, namespace: dict[str, Any]) -> None:
    """Give an array of a subclass its attributes."""
    dict_door(type(array)).__get__(array).update(namespace)


def fill_read_only(array: Any, _state: None) -> None:
    """Lock an array."""
    array.flags.writeable = False


def _place(array: Any, start: int) -> tuple[Any, ...]:
    offset = array.__array_interface__["data"][0] - start
    return array.dtype, array.shape, array.strides, offset


def _reduce_owner(array: Any, writer: Writer) -> Reduction:
    cls = type(array)
    order = _axis_order(array)
    if order is None:
        writer.note(array, "the array's memory had gaps; it is rebuilt without them")
        array, order = np.ascontiguousarray(array), tuple(range(array.ndim))
    if array.dtype == object:
        writer.defer(fill_objects, array, _memory(array, order).tolist())
        return make_objects, (cls, array.shape, order)
    memory = _memory(array, order).view(np.uint8)
    if array.nbytes < LEAF_BYTES:
        return make_small, (cls, array.dtype, array.shape, order, memory.tobytes())
    shape = tuple(array.shape[axis] for axis in order)
    view = memoryview(memory).cast("B")
    index = writer.leaf(array, view, _type_string(array.dtype), shape)
    return make_owner, (cls, array.dtype, array.shape, order, index)


def _type_string(dtype: Any) -> str:
    return str(dtype.str) if dtype.kind in "biufcmM" else "|u1"


def _axis_order(array: Any) -> tuple[int, ...] | None:
    """Return the axes from slowest to fastest when the memory has no gaps."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    order = tuple(sorted(range(array.ndim), key=lambda axis: -array.strides[axis]))
    return order if np.transpose(array, order).flags.c_contiguous else None


def _memory(array: Any, order: tuple[int, ...]) -> Any:
    """Return the array's elements as they lie in memory (a flat view)."""
    return np.transpose(array.view(np.ndarray), order).reshape(-1)


def _empty(cls: type, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> Any:
    """Make an array that owns memory laid out along ``order``."""
    if order == tuple(range(len(shape))):
        return np.ndarray.__new__(cls, shape, dtype)
    if order == tuple(reversed(range(len(shape)))):
        return np.ndarray.__new__(cls, shape, dtype, order="F")
    sample = np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, _strides(shape, order))
    made = np.empty_like(sample, order="K")
    return made if cls is np.ndarray else made.view(cls)


def _strides(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [0] * len(shape), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def make_small(
    cls: type, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...], data: bytes | bytearray
) -> Any:
    """Rebuild an array whose bytes lie in the stream."""
    array = _empty(cls, dtype, shape, order)
    if data:
        _memory(array, order).view(np.uint8)[:] = np.frombuffer(data, np.uint8)
    return array


def make_owner(
    cls: type, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...], index: int
) -> Any:
    """Rebuild an array from its leaf; over the leaf itself when others use that memory too."""
    data = reader().leaf(index)
    if reader().leaf_is_shared(index):
        laid = np.frombuffer(data, dtype).reshape([shape[axis] for axis in order])
        found = laid.transpose(np.argsort(order)) if order else laid
        return found if cls is np.ndarray else found.view(cls)
    return make_small(cls, dtype, shape, order, data)


def make_view(
    cls: type, owner: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> Any:
    """Rebuild a view of another array."""
    memory = _memory(owner, _axis_order(owner) or ())
    if memory.dtype.hasobject:
        first = _field(memory[offset // memory.itemsize :], offset % memory.itemsize)
        made = np.lib.stride_tricks.as_strided(first, shape, strides)
        return made if cls is np.ndarray else made.view(cls)
    return np.ndarray.__new__(cls, shape, dtype, memory.view(np.uint8), offset, strides)


def _field(records: Any, offset: int) -> Any:
    """Return the one field of ``records`` that lies at ``offset`` in each of them."""
    while records.dtype.names is not None:
        fields = records.dtype.fields
        name = next(n for n in fields if 0 <= offset - fields[n][1] < fields[n][0].itemsize)
        kind, begin = fields[name][:2]
        records, offset = records[name], offset - begin
        if kind.subdtype is not None:
            item, shape = kind.subdtype
            records = records[(slice(None), *np.unravel_index(offset // item.itemsize, shape))]
            offset %= item.itemsize
    return records


def make_objects(cls: type, shape: tuple[int, ...], order: tuple[int, ...]) -> Any:
    """Rebuild an array of objects, empty."""
    return _empty(cls, np.dtype(object), shape, order)


def fill_objects(array: Any, items: list[Any]) -> None:
    """Give an array of objects its items, one by one (a list must not become a row)."""
    flat = _memory(array, _axis_order(array) or ())
    for position, item in enumerate(items):
        flat[position] = item


def _reduce_fields(array: Any, writer: Writer) -> Reduction:
    """Reduce an array of records that hold objects: field by field, each with its own memory."""
    order = _axis_order(array) or ()
    flat = _memory(array, order)
    fields = {
        name: list(flat[name]) if flat[name].dtype == object else flat[name].copy()
        for name in array.dtype.names
    }
    writer.defer(fill_fields, array, fields)
    return make_fields, (type(array), array.dtype, array.shape, order)


def make_fields(cls: type, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> Any:
    """Rebuild an array of records, empty."""
    return _empty(cls, dtype, shape, order)


def fill_fields(array: Any, fields: dict[str, Any]) -> None:
    """Give an array of records its fields."""
    flat = _memory(array, _axis_order(array) or ())
    for name, values in fields.items():
        if isinstance(values, list):
            for position, item in enumerate(values):
                flat[name][position] = item
        else:
            flat[name] = values


def _reduce_on_base(array: Any, base: Any, writer: Writer) -> Reduction:
    if isinstance(base, _BUFFERS):
        return make_on_buffer, (type(array), base, *_place(array, address_of(base)))
    if _is_tensor(base):
        storage = base.untyped_storage()
        from dartslurm.state.kinds.tensors import make_array_on_storage

        return make_array_on_storage, (type(array), storage, *_place(array, storage.data_ptr()))
    return _reduce_owner(array, writer)


def make_on_buffer(
    cls: type, base: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> Any:
    """Rebuild an array over bytes, a memoryview or a mapping."""
    return np.ndarray.__new__(cls, shape, dtype, base, offset, strides)


def reduce_capsule(capsule: Any, writer: Writer) -> Reduction:
    """Reduce numpy's error settings, which lie in a capsule that a token or a context holds."""
    if "numpy.ufunc.extobj" not in repr(capsule):
        return writer.known(capsule) or writer.refuse(capsule, "a pointer that C code owns")
    context = contextvars.Context()
    context.run(_error_settings().set, capsule)
    return make_capsule, (
        context.run(np.geterr), context.run(np.geterrcall), context.run(np.getbufsize),
    )  # fmt: skip


def _error_settings() -> Any:
    return sys.modules["numpy._core.umath"]._extobj_contextvar


def make_capsule(errors: dict[str, Any], call: Any, size: int) -> Any:
    """Rebuild numpy's error settings."""

    def set_up() -> Any:
        np.seterr(**errors)
        np.seterrcall(call)
        np.setbufsize(size)
        return _error_settings().get()

    return contextvars.Context().run(set_up)


def reduce_long(number: Any, _writer: Writer) -> Reduction:
    """Reduce a C ``long long``, which numpy's own rule makes a ``long``."""
    return type(number), (int(number),)


_NUMBERS = set(np.sctypeDict.values()) - {np.void, np.object_}
instances.VALUES.update({kind: lambda number, of=kind: (of(number),) for kind in _NUMBERS})
REDUCERS: dict[type, Any] = {
    **dict.fromkeys(_NUMBERS, small.reduce_plain),
    np.longlong: reduce_long,
    np.ulonglong: reduce_long,
    type(datetime.datetime_CAPI): reduce_capsule,
    np.ndarray: reduce_array,
    memoryview: reduce_memoryview,
}
