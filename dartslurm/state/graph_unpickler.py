"""The C unpickler with the seeds, and the load in progress.

Takes the stream and the leaves; gives the objects, filled. Late actions run when the last object
is there: classes get what would call into them, and what was keyed by identity is hashed anew.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from dartslurm.errors import UncapturableError
from dartslurm.state import contract, hashing
from dartslurm.state.guard import Lost

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from dartslurm.state.contract import Fill, Reduction


class GraphUnpickler(pickle.Unpickler):
    """Reads the row of pickles; the seeds come in by persistent identity."""

    def __init__(self, file: io.BytesIO, seeds_: list[Any], buffers: Iterator[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._seeds = seeds_

    def persistent_load(self, pid: Any) -> Any:
        """Return a seed."""
        return self._seeds[pid]


class Load:
    """The load in progress; a `contract.Reader`."""

    def __init__(self, leaves: Callable[[int], bytearray], header: dict[str, Any]) -> None:
        self._leaves = leaves
        self._shared = set(header["shared"])
        self._lost: list[str] = header.get("lost", [])
        self._kept: dict[int, bytearray] = {}
        self._late: list[tuple[int, Callable[[], None]]] = []
        self.rehashed: set[type] = set()

    def leaf(self, index: int) -> bytearray:
        """See `contract.Reader`."""
        if index not in self._shared:
            return self._leaves(index)
        if index not in self._kept:
            self._kept[index] = self._leaves(index)
        return self._kept[index]

    def leaf_is_shared(self, index: int) -> bool:
        """See `contract.Reader`."""
        return index in self._shared

    def lost_path(self, number: int) -> str:
        """See `contract.Reader`."""
        return self._lost[number] if number < len(self._lost) else ""

    def late(self, phase: int, act: Callable[[], None]) -> None:
        """See `contract.Reader`."""
        self._late.append((phase, act))

    def rehash_instances_of(self, cls: type) -> None:
        """See `contract.Reader`."""
        self.rehashed.add(cls)

    def finish(self, memo: Callable[[], dict[int, Any]]) -> None:
        """Run the late actions; hash anew what is keyed by instances of the program's classes."""
        if self.rehashed:
            self.late(contract.LATE_HASHES, lambda: hashing.rehash(memo().values(), self.rehashed))
        for _, act in sorted(self._late, key=lambda item: item[0]):
            act()
        self._late.clear()  # nothing of the load may outlive it: objects must die when they would
        self._kept.clear()


class Batch:
    """Deferred states: pairs of a fill function's objects and their states."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[tuple[Fill, list[Any], list[Any]]]) -> None:
        self.rows = rows

    def __reduce__(self) -> Reduction:
        return Batch, (self.rows,)

    def fill(self) -> None:
        """Give each object its state."""
        for fill, objs, states in self.rows:
            for obj, state in zip(objs, states, strict=True):
                if obj is None or type(obj) is Lost:  # filled before, see `readiness`
                    continue
                try:
                    fill(obj, state)
                except UncapturableError:  # a placeholder lies in its state
                    continue
