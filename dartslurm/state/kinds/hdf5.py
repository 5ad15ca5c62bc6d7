"""h5py's files, groups and data sets: flushed at the capture, opened again by file and name.

HDF5 keeps one structure for a file however often it is opened, so each object opens it by its path;
the library finds out that they belong together. A file opened for writing is opened again for
reading and writing, never emptied.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dartslurm.state.contract import LATE_ROOTS, reader
from dartslurm.state.guard import make_lost

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

h5py: Any = import_module("h5py")
_opened: dict[tuple[str, bool], Any] = {}
"""Files opened in the load in progress."""


def claim(cls: type) -> Reducer | None:
    """Take h5py's objects and the identifiers below them."""
    if issubclass(cls, h5py.h5f.FileID):
        return reduce_file_id
    if issubclass(cls, (h5py.h5g.GroupID, h5py.h5d.DatasetID)):
        return reduce_object_id
    if issubclass(cls, h5py.File):
        return reduce_file
    return reduce_object if issubclass(cls, (h5py.Group, h5py.Dataset)) else None


def _place(identifier: Any) -> tuple[str, bool]:
    """Return the path of an object's file, and whether it may be written."""
    file = h5py.h5i.get_file_id(identifier)
    writes = bool(file.get_intent() & h5py.h5f.ACC_RDWR)
    if writes:
        h5py.h5f.flush(file)
    return os.path.realpath(os.fsdecode(file.name)), writes


def reduce_file_id(identifier: Any, writer: Writer) -> Reduction:
    """Reduce the identifier of a file."""
    if not identifier.valid:
        return make_closed, (type(identifier),)
    if not os.path.exists(os.fsdecode(identifier.name)):
        return writer.refuse(identifier, "an HDF5 file in memory")
    return open_file, _place(identifier)


def open_file(path: str, writes: bool) -> Any:
    """Open a file once for this load."""
    found = _opened.get((path, writes))
    if found is None:
        flags = h5py.h5f.ACC_RDWR if writes else h5py.h5f.ACC_RDONLY
        access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
        try:
            found = h5py.h5f.open(os.fsencode(path), flags, fapl=access)
        except OSError as error:
            return make_lost("h5py.File", f"{path} cannot be opened again ({error})")
        _opened[path, writes] = found
        reader().late(LATE_ROOTS, _opened.clear)
    return found


def make_closed(cls: Any) -> Any:
    """Rebuild the identifier of something closed."""
    return cls(-1)


def reduce_object_id(identifier: Any, writer: Writer) -> Reduction:
    """Reduce the identifier of a group or data set."""
    if not identifier.valid:
        return make_closed, (type(identifier),)
    name = h5py.h5i.get_name(identifier)
    if name is None:
        return writer.refuse(identifier, "an HDF5 object without a name")
    return open_object, (*_place(identifier), name)


def open_object(path: str, writes: bool, name: bytes) -> Any:
    """Open a group or data set."""
    return h5py.h5o.open(open_file(path, writes), name)


def reduce_file(file: Any, _writer: Writer) -> Reduction:
    """Reduce a file."""
    return make_file, (type(file), file._id)


def make_file(cls: Any, identifier: Any) -> Any:
    """Rebuild a file over its identifier; a closed one stays closed."""
    file = cls.__new__(cls)
    h5py.HLObject.__init__(file, identifier)
    return file


def reduce_object(obj: Any, _writer: Writer) -> Reduction:
    """Reduce a group or a data set."""
    return make_object, (type(obj), obj._id, bool(getattr(obj, "_readonly", False)))


def make_object(cls: Any, identifier: Any, readonly: bool) -> Any:
    """Rebuild a group or a data set over its identifier."""
    if issubclass(cls, h5py.Dataset) and identifier.valid:
        return cls(identifier, readonly=readonly)
    obj = cls.__new__(cls)
    h5py.HLObject.__init__(obj, identifier)
    return obj
