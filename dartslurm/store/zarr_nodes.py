"""How leaves look to Zarr: node names, shapes, dtypes, chunk grids.

Takes a manifest; gives the Zarr metadata of every node and finds the row of a chunk. Keeps:
whatever a manifest says, a leaf is shown; if its grid does not fit its rows, as one chunk.

A leaf is shown with its true shape and dtype. Dtypes that Zarr has no name for (dates, texts,
records) are shown as bytes, with one more axis for the bytes of an item; their own dtype is an
attribute.

Source:
    Zarr v3 core specification; codecs ``bytes`` and ``transpose``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from dartslurm.store.chunks import memory_shape

if TYPE_CHECKING:
    from dartslurm.model.version import Version
    from dartslurm.store.manifest import LeafEntry, Manifest, Row

_NAMES = {
    "b1": ("bool", False),
    "i1": ("int8", 0),
    "i2": ("int16", 0),
    "i4": ("int32", 0),
    "i8": ("int64", 0),
    "u1": ("uint8", 0),
    "u2": ("uint16", 0),
    "u4": ("uint32", 0),
    "u8": ("uint64", 0),
    "f2": ("float16", 0.0),
    "f4": ("float32", 0.0),
    "f8": ("float64", 0.0),
    "c8": ("complex64", [0.0, 0.0]),
    "c16": ("complex128", [0.0, 0.0]),
}
_DTYPE = re.compile(r"([<>|=])([a-zA-Z])(\d+)(\[.*\])?")
DOCUMENT = "zarr.json"


@dataclass(frozen=True, slots=True)
class ArrayView:
    """How one leaf looks to Zarr.

    ``counts`` is the chunk grid over the memory axes, ``None`` if the whole leaf is one chunk;
    ``raw_axis`` says that the last axis is the bytes of an item.
    """

    leaf: LeafEntry
    index: int
    shape: tuple[int, ...]
    grid: tuple[int, ...]
    type_name: str
    endian: str | None
    fill: Any
    counts: tuple[int, ...] | None
    raw_axis: bool
    chunk_bytes: int

    @property
    def is_reversed(self) -> bool:
        """Tell whether memory runs through the axes backwards (order ``F``)."""
        return self.leaf.order == "F"

    def document(self) -> dict[str, Any]:
        """Write the array's Zarr metadata."""
        codecs: list[dict[str, Any]] = []
        if self.is_reversed:
            axes = len(self.leaf.shape)
            order = [*reversed(range(axes)), *([axes] if self.raw_axis else [])]
            codecs.append({"name": "transpose", "configuration": {"order": order}})
        endian = {"configuration": {"endian": self.endian}} if self.endian else {}
        codecs.append({"name": "bytes", **endian})
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": self.type_name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.grid}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": self.fill,
            "codecs": codecs,
            "attributes": {
                "path": self.leaf.path,
                "leaf": self.index,
                "dtype": self.leaf.dtype,
                "order": self.leaf.order,
            },
        }

    def row_number(self, position: tuple[int, ...]) -> int | None:
        """Find a chunk's row among those of the leaf; ``None`` outside the grid."""
        if self.counts is None:
            return 0 if not any(position) else None
        axes = position[:-1] if self.raw_axis else position
        number = 0
        for at, count in zip(memory_shape(axes, self.leaf.order), self.counts, strict=True):
            if not 0 <= at < count:
                return None
            number = number * count + at
        return number


def view_leaf(leaf: LeafEntry, index: int, rows: list[Row]) -> ArrayView:
    """Decide how a leaf is shown."""
    total_bytes = sum(row.size_bytes for row in rows)
    found = _DTYPE.fullmatch(leaf.dtype)
    known = _NAMES.get(f"{found[2]}{found[3]}") if found and not found[4] else None
    item_bytes = _item_bytes(found)
    if not item_bytes or item_bytes * prod(leaf.shape) != total_bytes:
        whole = (max(total_bytes, 1),)
        flat = (total_bytes,)
        return ArrayView(leaf, index, flat, whole, "uint8", None, 0, None, True, total_bytes)
    counts = _counts(leaf, item_bytes, rows)
    memory_grid = leaf.chunk_shape if counts else memory_shape(leaf.shape, leaf.order)
    grid = tuple(max(step, 1) for step in memory_shape(memory_grid, leaf.order))
    chunk_bytes = item_bytes * prod(grid)
    if known is None or found is None:
        shape, grid = (*leaf.shape, item_bytes), (*grid, item_bytes)
        return ArrayView(leaf, index, shape, grid, "uint8", None, 0, counts, True, chunk_bytes)
    name, fill = known
    endian = None if item_bytes == 1 else "big" if found[1] == ">" else "little"
    return ArrayView(leaf, index, leaf.shape, grid, name, endian, fill, counts, False, chunk_bytes)


def _item_bytes(found: re.Match[str] | None) -> int:
    """Size of one item; 0 if the dtype text does not tell."""
    if found is None:
        return 0
    return int(found[3]) * (4 if found[2] == "U" else 1)


def _counts(leaf: LeafEntry, item_bytes: int, rows: list[Row]) -> tuple[int, ...] | None:
    """Chunk counts over the memory axes, if the rows really are that grid of whole pieces."""
    shape, grid = memory_shape(leaf.shape, leaf.order), leaf.chunk_shape
    if len(grid) != len(shape) or 0 in shape or 0 in grid:
        return None
    counts = tuple(-(-length // step) for length, step in zip(shape, grid, strict=True))
    cut = next((axis for axis, step in enumerate(grid) if step != 1), max(len(grid) - 1, 0))
    if prod(counts) != len(rows) or any(count != 1 for count in counts[cut + 1 :]):
        return None
    last = [shape[cut] - (counts[cut] - 1) * grid[cut]] if counts else []
    steps = [*([grid[cut]] * (counts[cut] - 1)), *last] if counts else [1]
    inner_bytes = item_bytes * prod(shape[cut + 1 :])
    sizes = [step * inner_bytes for step in steps]
    return (
        counts
        if all(row.size_bytes == sizes[number % len(sizes)] for number, row in enumerate(rows))
        else None
    )


def name_arrays(manifest: Manifest) -> dict[str, ArrayView]:
    """Give every leaf a node of its own; a taken name gets ``~2``, ``~3`` and so on."""
    wanted = [_clean(leaf.path) for leaf in manifest.leaves]
    groups = {above for path in wanted for above in _above(path)}
    arrays: dict[str, ArrayView] = {}
    for index, (leaf, path) in enumerate(zip(manifest.leaves, wanted, strict=True)):
        rows = manifest.rows[leaf.first : leaf.first + leaf.count]
        name, suffix = path, 1
        while name in arrays or name in groups:
            suffix += 1
            name = f"{path}~{suffix}"
        arrays[name] = view_leaf(leaf, index, rows)
    return arrays


def _clean(path: str) -> str:
    """Make a node path of a leaf's path: no empty, dotted or reserved names."""
    names = [name for name in path.split("/") if name]
    safe = [f"_{name}" if set(name) == {"."} or name == DOCUMENT else name for name in names]
    return "/".join(safe) or "unnamed"


def _above(path: str) -> list[str]:
    names = path.split("/")
    return ["/".join(names[:upto]) for upto in range(1, len(names))]


def write_documents(version: Version, arrays: dict[str, ArrayView]) -> dict[str, bytes]:
    """Write the metadata of every node, and of all of them once more in the root's."""
    group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    nodes: dict[str, dict[str, Any]] = {above: group for path in arrays for above in _above(path)}
    nodes |= {path: array.document() for path, array in arrays.items()}
    # zarr 3.1 loses nodes (group.py, _flat_to_nested) unless siblings follow one another.
    nodes = dict(sorted(nodes.items(), key=lambda item: item[0].split("/")))
    about = {
        "run_id": version.run_id,
        "version": version.number,
        "cause": version.cause,
        "place": version.place,
        "time_utc": version.time_utc,
    }
    inline = {"kind": "inline", "must_understand": False, "metadata": nodes}
    root = {**group, "attributes": about, "consolidated_metadata": inline}
    documents = {f"{path}/{DOCUMENT}": json.dumps(node).encode() for path, node in nodes.items()}
    return {DOCUMENT: json.dumps(root).encode(), **documents}


def chunk_keys(path: str, array: ArrayView) -> list[str]:
    """Name every chunk of an array."""
    if not array.leaf.count:
        return []
    counts = [-(-length // step) for length, step in zip(array.shape, array.grid, strict=True)]
    return ["/".join([path, "c", *map(str, at)]) for at in product(*map(range, counts))]
