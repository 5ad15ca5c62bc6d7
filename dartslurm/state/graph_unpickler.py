"""The C unpickler with the seeds, the careful one, and the load in progress.

Takes the stream and the leaves; gives the objects, filled. Late actions run when the last object
is there: classes get what would call into them, and what was keyed by identity is hashed anew.

Most objects are rebuilt by code of ours. Some are by their own: a library's constructor, a
``__setstate__``; that may fail here although it went well there (a file is missing, a server does
not answer), and must not cost the rest of the version. Guarding every reduction would make every
version larger and every load slower for what hardly ever happens. So the C unpickler loads first;
only when it fails, the stream is read once more by the interpreter's unpickler in Python, with
every step of an object's own guarded: what cannot be rebuilt is `Lost`, with the reason, and so is
what cannot be rebuilt without it.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, ClassVar

from dartslurm.errors import DartError, UncapturableError
from dartslurm.state import contract, hashing, memory
from dartslurm.state.guard import Lost, become_lost, make_lost, reason_of
from dartslurm.state.nans import NansAgain

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from dartslurm.state.contract import Fill, Reduction


class GraphUnpickler(pickle.Unpickler):
    """Reads the row of pickles; the seeds come in by persistent identity."""

    def __init__(self, file: io.BytesIO, seeds_: list[Any], buffers: Iterator[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._seeds = seeds_
        self._nans = NansAgain()

    def persistent_load(self, pid: Any) -> Any:
        """Return a seed, or a number that is not one."""
        return self._seeds[pid] if type(pid) is int else self._nans(pid)


_InPython: Any = vars(pickle)["_Unpickler"]


def _guarded(step: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a step that changes the object on top of the stack, or loses it."""

    def change(reading: CarefulUnpickler) -> None:
        try:
            step(reading)
        except BaseException as error:
            reading.spoil(reading.stack[-1], error)

    return change


class CarefulUnpickler(_InPython):  # type: ignore[misc]
    """Reads the same, much slower; what fails to be rebuilt becomes a placeholder."""

    dispatch: ClassVar[dict[int, Any]] = dict(_InPython.dispatch)

    def __init__(self, file: io.BytesIO, seeds_: list[Any], buffers: Iterator[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._seeds = seeds_
        self._nans = NansAgain()
        self._failed: tuple[Any, tuple[Any, ...]] = None, ()
        self.losses: list[str] = []

    def persistent_load(self, pid: Any) -> Any:
        """Return a seed, or a number that is not one."""
        return self._seeds[pid] if type(pid) is int else self._nans(pid)

    def spoil(self, obj: Any, error: BaseException) -> None:
        """Make ``obj``, of which a part is missing now, a placeholder for all who hold it."""
        if not may_be_lost(error):
            raise error
        if type(obj) is Lost:
            return
        what = _name_of((type(obj),))
        lost = become_lost(obj, what, self._note(what, error))
        if lost is obj:
            return
        for row in (self.stack, *self.metastack):
            row[:] = [lost if value is obj else value for value in row]
        for key in reversed(self.memo):  # it came last, or nearly so
            if self.memo[key] is obj:
                self.memo[key] = lost
                return

    def _make(self, build: Any, arguments: tuple[Any, ...]) -> Any:
        try:
            return build(*arguments)
        except BaseException as error:
            if not may_be_lost(error):
                raise
            inner = [part for one in arguments if type(one) is tuple for part in one]
            parts = (build, *arguments, *inner)
            lost = next((part for part in parts if type(part) is Lost), None)
            if lost is None:
                what = _name_of(parts)
                lost = make_lost(what, self._note(what, error))
            self._failed = lost, arguments
            return lost

    def _note(self, what: str, error: BaseException) -> str:
        reason = f"rebuilding it failed: {describe(error)}"
        self.losses.append(f"{what} is lost: {reason}")
        return reason

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._make(self.stack[-1], arguments)

    def _newobj(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._make(_new, (self.stack[-1], arguments, {}))

    def _newobj_ex(self) -> None:
        named = self.stack.pop()
        arguments = self.stack.pop()
        self.stack[-1] = self._make(_new, (self.stack[-1], arguments, named))

    def _pop(self) -> None:
        lost, arguments = self._failed
        if self.stack and self.stack[-1] is lost is not None and len(arguments) == 2:
            obj = arguments[0]  # the call was one for its effect: it gives an object its state
            self._failed = None, ()
            self.spoil(obj, UncapturableError(reason_of(lost)))
        _InPython.dispatch[pickle.POP[0]](self)

    dispatch[pickle.REDUCE[0]] = _reduce
    dispatch[pickle.NEWOBJ[0]] = _newobj
    dispatch[pickle.NEWOBJ_EX[0]] = _newobj_ex
    dispatch[pickle.POP[0]] = _pop
    for _code in (
        pickle.BUILD, pickle.APPEND, pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS,
        pickle.ADDITEMS,
    ):  # fmt: skip
        dispatch[_code[0]] = _guarded(dispatch[_code[0]])


def may_be_lost(error: BaseException) -> bool:
    """Tell whether an object failed by its own fault: it may be lost, and the load goes on."""
    if isinstance(error, UncapturableError):  # it has touched a placeholder
        return True
    if isinstance(error, DartError | KeyboardInterrupt | pickle.UnpicklingError | EOFError):
        return False
    return not (isinstance(error, MemoryError) and memory.is_short())


def _new(cls: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return cls.__new__(cls, *arguments, **named)


def _name_of(parts: tuple[Any, ...]) -> str:
    """Name what is being made: by its class, or by the function that makes it."""
    for part in parts:
        if issubclass(type(part), type) and part is not object:
            return f"{part.__module__}.{part.__qualname__}"
    for part in parts:
        name, module = getattr(part, "__qualname__", None), getattr(part, "__module__", None)
        if name and not str(module).startswith("dartslurm"):
            return f"{module}.{name}"
    return "object"


def describe(error: BaseException) -> str:
    """Say what an error of the program's says."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # the program's own __str__
        return type(error).__name__


class Load:
    """The load in progress; a `contract.Reader`."""

    careful: CarefulUnpickler | None = None

    def __init__(self, leaves: Callable[[int], bytearray], header: dict[str, Any]) -> None:
        self._leaves = leaves
        self._shared = set(header["shared"])
        self._lost: list[str] = header.get("lost", [])
        self._kept: dict[int, bytearray] = {}
        self._late: list[tuple[int, Callable[[], None]]] = []
        self.rehashed: set[type] = set()
        self.losses: list[str] = []

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

    def spoil(self, obj: Any, error: BaseException) -> None:
        """See `contract.Reader`."""
        if self.careful is not None:
            self.careful.spoil(obj, error)
        elif not isinstance(error, UncapturableError):  # else a placeholder lies in its state
            raise error

    def late(self, phase: int, act: Callable[[], None]) -> None:
        """See `contract.Reader`."""
        self._late.append((phase, act))

    def rehash_instances_of(self, cls: type) -> None:
        """See `contract.Reader`."""
        self.rehashed.add(cls)

    def finish(self, memo: Callable[[], dict[int, Any]]) -> None:
        """Run the late actions; hash anew what is keyed by instances of the program's classes."""
        if self.rehashed:
            self.late(contract.LATE_HASHES, lambda: self._rehash(memo))
        for _, act in sorted(self._late, key=lambda item: item[0]):
            try:
                act()
            except BaseException as error:
                if self.careful is None or not may_be_lost(error):
                    raise
                self.losses.append(f"a last step of the load failed: {describe(error)}")

    def forget(self) -> None:
        """Let go of everything: objects must die when they would."""
        self.careful = None
        self._late.clear()
        self._kept.clear()

    def _rehash(self, memo: Callable[[], dict[int, Any]]) -> None:
        self.losses += hashing.rehash(memo().values(), self.rehashed)


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
                except BaseException as error:
                    contract.reader().spoil(obj, error)
