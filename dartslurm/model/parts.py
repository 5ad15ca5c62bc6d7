"""What travels between state, delta and store: pickled streams, leaf buffers and staged chunks.

``state`` gives a `PickledState`; ``delta`` turns it into a `StagedVersion` (bytes that may be
written while the program goes on); ``store`` publishes that and gives back a
:class:`~dartslurm.model.version.Version`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LeafBuffer:
    """The raw bytes at the edge of the object graph: an array's memory.

    ``view`` is a C-contiguous ``memoryview`` cast to bytes, over the *live* memory of the
    program: it is read only while the program is paused. ``path`` names the frame and the
    variable that hold it (``frames/2/X``), for readers; it is not unique. ``dtype`` is a numpy
    type string (``<f8``) or ``|u1`` for untyped bytes; ``shape`` multiplies out to ``len(view)``.
    """

    view: memoryview
    path: str
    dtype: str = "|u1"
    shape: tuple[int, ...] = ()
    order: str = "C"


@dataclass(frozen=True, slots=True)
class Scope:
    """A frame or a module of the program with its variables, which are live objects.

    ``kind`` is ``frame`` or ``module``; ``title`` the frame's place or the module's name. The path
    of a variable is ``prefix.name``, such as ``worker.pool``.
    """

    kind: str
    title: str
    prefix: str
    items: list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class PickledState:
    """One object graph: the skeleton stream and the leaf buffers it refers to by index.

    ``header`` is what a reader needs before it may load the stream (module names, interpreter);
    plain JSON values. ``ledger`` has a row for each object that could not travel as itself,
    ``variables`` the status of every variable by scope. ``parts`` are large plain containers
    that the stream refers to by index.
    """

    stream: bytes
    leaves: list[LeafBuffer]
    header: dict[str, Any]
    ledger: list[dict[str, Any]] = field(default_factory=list)
    variables: list[dict[str, Any]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StagedChunk:
    """One chunk of a leaf: its digest, and its bytes unless the store already has them."""

    digest: bytes
    size_bytes: int
    data: memoryview | bytes | None
    is_live: bool = False
    """Whether ``data`` is the program's own memory, which changes when it goes on."""


@dataclass(frozen=True, slots=True)
class StagedLeaf:
    """A leaf cut into chunks; ``chunk_shape`` is its Zarr chunk grid (C order, row-aligned)."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    order: str
    chunks: list[StagedChunk]


@dataclass(frozen=True, slots=True)
class StagedVersion:
    """Everything one commit writes. Safe to use from another thread, unless it is live."""

    meta: dict[str, Any]
    streams: dict[str, list[StagedChunk]]
    leaves: list[StagedLeaf]
    bytes_total: int
    bytes_new: int
    is_live: bool = False
