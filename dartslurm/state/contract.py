"""What a kind may ask of the pickler that calls it, and of the load that rebuilds it.

Takes nothing; gives the types `Writer` and `Reader` and the one load in progress. A kind has a
*reducer* ``(obj, writer) -> reduction`` (a tuple as ``__reduce__`` gives) and, beside it, the
functions its reduction names. State that may hold cycles or is deep is not returned but handed
to `Writer.defer`: it is pickled later, flat, and given to its *fill* function when every object
of the batch exists. No code of the program runs during a load.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from dartslurm.errors import InternalError, NotYetError

Reduction = Any
Reducer = Callable[[Any, "Writer"], Reduction]
Fill = Callable[[Any, Any], None]

LATE_CLASSES, LATE_HASHES, LATE_CACHES, LATE_ROOTS = range(4)
"""Phases after the last object is filled; see `Reader.late`."""


class Writer(Protocol):
    """The pickler, as a kind sees it."""

    running: dict[int, tuple[Any, list[Any]]]
    flat: bool
    """Whether deep nesting has been taken apart, so that a reduction recurses by its own fault."""

    def defer(self, fill: Fill, obj: Any, state: Any) -> None:
        """Pickle ``state`` after everything now in progress; at load call ``fill(obj, state)``."""

    def leaf(
        self, owner: Any, view: memoryview, dtype: str, shape: tuple[int, ...], order: str = "C"
    ) -> int:
        """Take raw memory out of band and return its index; the same memory gets the same one."""

    def refuse(self, obj: Any, reason: str, what: str = "") -> Reduction:
        """Return a placeholder's reduction, and note ``obj`` in the ledger (``what``: its type)."""

    def note(self, obj: Any, reason: str) -> None:
        """Note in the ledger that something of ``obj`` does not travel."""

    def is_user_module(self, name: Any) -> bool:
        """Tell whether a module travels by value."""

    def is_by_value(self, cls: type) -> bool:
        """Tell whether a class travels by value."""

    def located(self, obj: Any) -> Reduction | None:
        """Return a reduction by module and name when ``obj`` is reachable so, else ``None``."""

    def known(self, obj: Any) -> Reduction | None:
        """Return a reduction when an imported module holds this very object."""

    def raw(self, obj: Any) -> Reduction | None:
        """Return the reduction of a Python class's instance by its bare layout, if it has one."""

    def own(self, obj: Any) -> Reduction:
        """Return the reduction that the object's own class gives (or a placeholder)."""


class Reader(Protocol):
    """The load, as a rebuilding function sees it."""

    def leaf(self, index: int) -> bytearray:
        """Return the bytes of a leaf."""

    def leaf_is_shared(self, index: int) -> bool:
        """Tell whether several objects were made over this memory."""

    def lost_path(self, number: int) -> str:
        """Return the path that row ``number`` of the ledger gives."""

    def spoil(self, obj: Any, error: BaseException) -> None:
        """Lose ``obj``, whose state failed to be filled in; in the first, quick load, raise."""

    def late(self, phase: int, act: Callable[[], None]) -> None:
        """Run ``act`` when all objects are filled; phases run in order."""

    def rehash_instances_of(self, cls: type) -> None:
        """Ask that every dict and set keyed by instances of ``cls`` is hashed anew."""


_current: list[Reader] = []


def reader() -> Reader:
    """Return the load in progress."""
    if not _current:
        raise InternalError("an object is being rebuilt outside a load")
    return _current[-1]


def enter(load: Reader) -> None:
    """Make ``load`` the load in progress."""
    _current.append(load)


def leave() -> None:
    """End the load in progress."""
    _current.pop()


def veto(message: str, still: Callable[[], bool] | None = None, obj: Any = None) -> NoReturn:
    """Refuse this instant; ``still`` tells cheaply whether the reason holds.

    ``obj`` is what refuses: when it lasts, the user is told which variable leads to it.

    Raises:
        NotYetError: always; its attribute ``still`` is a callable.
    """
    error = NotYetError(message)
    error.still = still or (lambda: False)
    error.culprit = obj
    raise error


def while_alive(obj: Any) -> Callable[[], bool]:
    """Tell for `veto`, without keeping ``obj``, whether it is still there."""
    try:
        reference = weakref.ref(obj)
    except TypeError:
        return lambda: False
    return lambda: reference() is not None
