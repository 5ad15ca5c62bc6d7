"""Raw memory: where a buffer lies, and when it is worth a leaf of its own."""

from __future__ import annotations

import ctypes
from typing import Any

from dartslurm.interpreter.words import object_at, take_reference

LEAF_BYTES = 4096
"""Smaller buffers stay in the stream."""
_MODERATE_BYTES = 64 << 20


class _Buffer(ctypes.Structure):
    """``Py_buffer``; only the pointer is read.

    Source:
        ``Include/cpython/pybuffer.h`` (stable ABI since 3.11).
    """

    _fields_ = (
        ("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p),
    )  # fmt: skip


_python = ctypes.PyDLL(None)  # not ctypes.pythonapi, whose functions the program may have set up
dummy_of_sets = ctypes.c_ssize_t.in_dll(_python, "_PySet_Dummy").value
"""Address of what stands in a set's table for a removed element."""
_get_buffer = _python.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int]
_release_buffer = _python.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_Buffer)]
_FULL_READ_ONLY = 0x011C


def address_of(exporter: Any) -> int:
    """Return the address of the first byte of an object that exports a buffer."""
    buffer = _Buffer()
    _get_buffer(exporter, ctypes.byref(buffer), _FULL_READ_ONLY)
    try:
        return buffer.buf or 0
    finally:
        _release_buffer(ctypes.byref(buffer))


def keep_for_ever(obj: Any) -> None:
    """Never let ``obj`` die, not even when the interpreter ends."""
    take_reference(obj)


def is_short() -> bool:
    """Tell whether a moderate piece of memory cannot be had."""
    try:
        bytearray(_MODERATE_BYTES)
    except MemoryError:
        return True
    return False


def pointer_at(obj: Any, offset: int) -> Any:
    """Return the object that a C object points to at ``offset``, ``None`` for NULL."""
    return object_at(id(obj) + offset)


def word_at(obj: Any, offset: int) -> int:
    """Return the signed word at ``offset`` of a C object."""
    return ctypes.c_ssize_t.from_address(id(obj) + offset).value
