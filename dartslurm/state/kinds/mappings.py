"""Memory maps: mapped again over the same file, with the content they had."""

from __future__ import annotations

import mmap
import os
from typing import Any

from dartslurm.interpreter.words import areas
from dartslurm.state.contract import Reducer, Reduction, Writer, reader
from dartslurm.state.memory import address_of

_open = os.open

RECREATED = True


def reduce_mapping(mapping: mmap.mmap, writer: Writer) -> Reduction:
    """Reduce a memory map: its file and its bytes."""
    if mapping.closed:
        return make_closed, ()
    path, offset = _place(address_of(mapping))
    view = memoryview(mapping).cast("B")
    read_only = view.readonly
    index = None
    if not read_only or path is None:
        index = writer.leaf(mapping, view, "|u1", (view.nbytes,))
    return make_mapping, (path, offset, len(mapping), read_only, index, mapping.tell())


def _place(address: int) -> tuple[str | None, int]:
    """Find the file and the offset behind an address."""
    area = next((one for one in areas() if one.start <= address < one.end), None)
    if area is None or "s" not in area.rights:
        return None, 0
    known = area.path.startswith("/") and not area.path.endswith("(deleted)")
    if not known or area.path.startswith("/dev/zero"):
        return None, 0
    return area.path, area.offset + address - area.start


def make_mapping(
    path: str | None, offset: int, length: int, read_only: bool, index: int | None, position: int
) -> mmap.mmap:
    """Rebuild a memory map."""
    if path is None:
        mapping = mmap.mmap(-1, length)
    else:
        descriptor = _open(path, os.O_RDONLY if read_only else os.O_RDWR)
        access = mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE
        mapping = mmap.mmap(descriptor, length, access=access, offset=offset)
        os.close(descriptor)
    if index is not None:
        mapping[:] = bytes(reader().leaf(index))
    mapping.seek(position)
    return mapping


def make_closed() -> mmap.mmap:
    """Rebuild a closed memory map."""
    mapping = mmap.mmap(-1, 1)
    mapping.close()
    return mapping


def claim(cls: type) -> Reducer | None:
    """Take memory maps."""
    return reduce_mapping if issubclass(cls, mmap.mmap) else None


REDUCERS: dict[type, Any] = {mmap.mmap: reduce_mapping}
