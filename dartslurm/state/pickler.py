"""An object graph to one stream and its leaf buffers, and back in another process.

The C pickler walks; Python is asked once for each object that is not plain. The stream is a row of
pickles on one memo. It begins with the *seeds*: module namespaces and other containers that belong
to modules, which both memos hold from the start. Then comes the root, where each instance is only
a shell, and then, in batches, the states of the objects met so far, until none is left. So the
depth of the recursion is that of nested plain containers, cycles need no care, and sharing is kept.

Nothing here changes the program's objects, and no code of the program runs, neither way. What
cannot travel becomes a `contract.Lost` with a row in the ledger; what cannot travel *now* is a veto.
"""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dartslurm.errors import CorruptError, DartError, NotYetError, UncapturableError
from dartslurm.model.parts import LeafBuffer, PickledState
from dartslurm.state import contract, guard, hashing, memory, paths
from dartslurm.state.contract import Fill, Reducer, Reduction
from dartslurm.state.identity import find_seed, library, seeds
from dartslurm.state.kinds import registry
from dartslurm.state.kinds.instances import forget_doors, has_own_hash, raw_reducer
from dartslurm.state.modules import (
    fill_user_module,
    library_modules,
    module_aliases,
    module_items,
    resolve,
    user_modules,
    walk_to,
)

_PROTOCOL = 5
_ROUNDS = 8
_DEPTH = 2500
"""Frames that a nested container may take above the program's own before it is walked in parts."""

_prefer_own: set[tuple[str, str]] = set()
"""Classes (module, name) whose bare state cannot travel; their own reduction is used."""


class _Pickler(pickle.Pickler):
    """One walk over the graph; a `contract.Writer`."""

    def __init__(self, path_of: Callable[[int], str | None] | None, careful: bool) -> None:
        self.file = io.BytesIO()
        super().__init__(self.file, _PROTOCOL, buffer_callback=self._take_buffer)
        self.running: dict[int, tuple[Any, list[Any]]] = {}
        self.guard = careful
        self.leaves: list[LeafBuffer] = []
        self.buffers: list[int] = []
        self.shared: set[int] = set()
        self.refused: list[tuple[Any, str, bool]] = []
        self.seeds = seeds()
        self.memo = {id(value): (i, value) for i, (_, value) in enumerate(self.seeds)}
        self._path_of = path_of
        self._user = frozenset(user_modules())
        self._queue: dict[Fill, tuple[list[Any], list[Any]]] = {}
        self._reducers: dict[type, Reducer] = registry.exact()
        self._leaf_at: dict[tuple[int, int], int] = {}

    # -- the walk ---------------------------------------------------------------------------

    def reducer_override(self, obj: Any) -> Reduction:
        """Give the C pickler the reduction of one object."""
        cls = type(obj)
        reducer = self._reducers.get(cls)
        if reducer is None:
            reducer = self._reducers[cls] = self._choose(cls)
        try:
            value = reducer(obj, self)
        except (DartError, RecursionError, MemoryError):
            raise
        except Exception as error:
            value = self.refuse(obj, f"{type(error).__name__}: {error}")
        return guard.guarded(value) if self.guard and type(value) is tuple else value

    def dump_flat(self, root: Any) -> None:
        """Dump ``root`` and then the deferred states, until none is left."""
        self.dump(root)
        while self._queue:
            batch, self._queue = self._queue, {}
            self.dump(_Batch([(fill, *rows) for fill, rows in batch.items()]))

    def _choose(self, cls: type) -> Reducer:
        found = registry.family(cls)
        if found is not None:
            return found
        by_value = self.is_by_value(cls)
        if not by_value and (_constructs(cls) or _name_of(cls) in _prefer_own):
            return _reduce_known_or_own
        inline = not by_value and has_own_hash(cls)
        raw = raw_reducer(cls, inline=inline)
        return (raw or _reduce_own) if by_value else _known_or(raw)

    # -- what a kind may ask ------------------------------------------------------------------

    def defer(self, fill: Fill, obj: Any, state: Any) -> None:
        """See `contract.Writer`."""
        found = self._queue.get(fill)
        if found is None:
            found = self._queue[fill] = [], []
        found[0].append(obj)
        found[1].append(state)

    def leaf(
        self, owner: Any, view: memoryview, dtype: str, shape: tuple[int, ...], order: str = "C"
    ) -> int:
        """See `contract.Writer`."""
        address = memory.address_of(view), view.nbytes
        index = self._leaf_at.get(address)
        if index is not None:
            self.shared.add(index)
            return index
        index = self._leaf_at[address] = len(self.leaves)
        path = (self._path_of(id(owner)) if self._path_of is not None else None) or f"leaf/{index}"
        self.leaves.append(LeafBuffer(view, path, dtype, shape, order))
        return index

    def _take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < memory.LEAF_BYTES:
            return True
        self.buffers.append(self.leaf(buffer, view, "|u1", (view.nbytes,)))
        return False

    def refuse(self, obj: Any, reason: str) -> Reduction:
        """See `contract.Writer`."""
        self.refused.append((obj, reason, True))
        return guard.make_lost, (_label(obj), reason)

    def note(self, obj: Any, reason: str) -> None:
        """See `contract.Writer`."""
        self.refused.append((obj, reason, False))

    def is_user_module(self, name: Any) -> bool:
        """See `contract.Writer`."""
        return name in self._user

    def is_by_value(self, cls: type) -> bool:
        """Tell whether a class travels by value."""
        return self.located(cls) is None

    def located(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        module = getattr(obj, "__module__", None)
        if isinstance(module, str) and module in self._user:
            return None
        path = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
        if walk_to(obj, module, path):
            return path
        return self.known(obj)

    def known(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        found = library.name_of(obj)
        return (resolve, found) if found is not None else None

    def raw(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        cls = type(obj)
        reducer = raw_reducer(cls, inline=not self.is_by_value(cls) and has_own_hash(cls))
        return reducer(obj, self) if reducer is not None else None

    def own(self, obj: Any) -> Reduction:
        """See `contract.Writer`."""
        return _reduce_own(obj, self)


def _name_of(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _label(obj: Any) -> str:
    cls = type(obj)
    return f"{cls.__module__}.{cls.__qualname__}"


def _constructs(cls: type) -> bool:
    """Tell whether a library's class says itself how its instances are made (singletons do)."""
    for holder in cls.__mro__[:-1]:
        namespace = holder.__dict__
        if "__reduce__" in namespace or "__reduce_ex__" in namespace:
            return True
        if "__getnewargs__" in namespace or "__getnewargs_ex__" in namespace:
            return True
    return cls in copyreg.dispatch_table


def _known_or(reducer: Reducer | None) -> Reducer:
    """Return a reducer that refers to objects of a library and reduces any other instance."""
    if reducer is None:
        return _reduce_known_or_own
    name_of = library.name_of

    def reduce_instance(obj: Any, writer: Any) -> Reduction:
        found = name_of(obj)
        return reducer(obj, writer) if found is None else (resolve, found)

    return reduce_instance


def _reduce_known_or_own(obj: Any, writer: Any) -> Reduction:
    found = writer.located(obj) if hasattr(obj, "__qualname__") else writer.known(obj)
    return found if found is not None else _reduce_own(obj, writer)


def _reduce_own(obj: Any, writer: Any) -> Reduction:
    try:
        special = copyreg.dispatch_table.get(type(obj))
        value = special(obj) if special is not None else obj.__reduce_ex__(_PROTOCOL)
    except DartError:
        raise
    except Exception as error:  # noqa: BLE001  (a class may refuse in any way)
        return _second_way(obj, writer, f"{error}")
    if isinstance(value, str):
        if walk_to(obj, _module_of(obj), value) and not writer.is_user_module(_module_of(obj)):
            return resolve, (_module_of(obj), value)
        return _second_way(obj, writer, f"{value} is not where it says it is")
    return value


def _module_of(obj: Any) -> Any:
    return getattr(obj, "__module__", None) or type(obj).__module__


def _second_way(obj: Any, writer: Any, reason: str) -> Reduction:
    if _name_of(type(obj)) not in _prefer_own:
        found = writer.raw(obj)
        if found is not None:
            return found
    return writer.refuse(obj, reason)


# -- dump -----------------------------------------------------------------------------------


def dump_state(
    root: object,
    *,
    path_of: Callable[[int], str | None] | None = None,
    running: dict[int, tuple[Any, list[Any]]] | None = None,
) -> PickledState:
    """Pickle everything that ``root`` reaches, and the user's modules.

    ``path_of`` names the place of an object (by identity) for readers of the leaf buffers.
    ``running`` gives plan and values of the generators that are on the stack, by identity.

    Raises:
        NotYetError: if an object cannot travel at this instant.
        UncapturableError: if the graph as a whole cannot be pickled.
    """
    with _quiet():
        library.refresh()
        parts: list[Any] = []
        careful = False
        modules = {
            name: module_items(sys.modules[name])
            for name, first in module_aliases()
            if name == first
        }
        whole = {"root": root, "modules": modules}
        for _ in range(_ROUNDS):
            pickler = _Pickler(path_of, careful)
            pickler.running = running or {}
            try:
                _write(pickler, root, modules, parts)
            except RecursionError:
                parts = paths.deep_containers(whole) if not parts else []
                if not parts:
                    raise UncapturableError("the state is nested too deeply") from None
                continue
            lost = [obj for obj, _, gone in pickler.refused if gone]
            if not lost or (not _give_way(whole, lost) and careful):
                break
            careful = True
        return PickledState(
            pickler.file.getvalue(), pickler.leaves, _header(pickler), _ledger(pickler, whole)
        )


def _write(
    pickler: _Pickler, root: object, modules: dict[str, dict[str, Any]], parts: list[Any]
) -> None:
    try:
        for part in parts:
            pickler.dump_flat(part)
        for name, items in modules.items():
            pickler.defer(fill_user_module, name, items)
        pickler.dump_flat(root)
    except (NotYetError, RecursionError, MemoryError):
        raise
    except DartError:
        raise
    except Exception as error:
        raise UncapturableError(f"cannot pickle the program's state: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No collection, room on the stack, and no warning, while we walk.

    The filters are replaced without telling the ``warnings`` module: a change of version would make
    it forget which warnings of the program it has shown.
    """
    collecting, limit, filters = gc.isenabled(), sys.getrecursionlimit(), warnings.filters
    gc.disable()
    sys.setrecursionlimit(max(limit, _stack_depth() + _DEPTH))
    warnings.filters = [("ignore", None, Warning, None, 0)]
    try:
        yield
    finally:
        warnings.filters = filters
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def _stack_depth() -> int:
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def _give_way(root: object, lost: list[Any]) -> bool:
    """Let the nearest class above each lost object use its own reduction; tell if any is new."""
    found = False
    for holder in paths.holders(root, lost, _has_own_way):
        name = _name_of(type(holder))
        if name not in _prefer_own:
            _prefer_own.add(name)
            found = True
    return found


def _has_own_way(obj: Any) -> bool:
    cls = type(obj)
    return cls.__module__ in sys.modules and cls.__module__ != "__main__" and any(
        name in holder.__dict__
        for holder in cls.__mro__[:-1]
        for name in ("__getstate__", "__reduce__", "__reduce_ex__")
    )


def _header(pickler: _Pickler) -> dict[str, Any]:
    return {
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "seeds": [key for key, _ in pickler.seeds],
        "modules": library_modules(),
        "user_modules": module_aliases(),
        "order": list(sys.modules),
        "buffers": pickler.buffers,
        "shared": sorted(pickler.shared),
    }


def _ledger(pickler: _Pickler, root: dict[str, Any]) -> list[dict[str, Any]]:
    if not pickler.refused:
        return []
    where = paths.paths_of(root, [obj for obj, _, _ in pickler.refused])
    return [
        {"path": path, "type": _label(obj), "reason": reason, "lost": gone}
        for (obj, reason, gone), path in zip(pickler.refused, where, strict=True)
    ]


# -- load -----------------------------------------------------------------------------------


class _Unpickler(pickle.Unpickler):
    """Reads the row of pickles; the seeds come in by persistent identity."""

    def __init__(self, file: io.BytesIO, seeds_: list[Any], buffers: Iterator[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._seeds = seeds_

    def persistent_load(self, pid: Any) -> Any:
        """Return a seed."""
        return self._seeds[pid]


class _Load:
    """The load in progress; a `contract.Reader`."""

    def __init__(self, leaves: Callable[[int], bytearray], shared: set[int]) -> None:
        self._leaves = leaves
        self._shared = shared
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

    def late(self, phase: int, act: Callable[[], None]) -> None:
        """See `contract.Reader`."""
        self._late.append((phase, act))

    def rehash_instances_of(self, cls: type) -> None:
        """See `contract.Reader`."""
        self.rehashed.add(cls)

    def finish(self, memo: Callable[[], dict[int, Any]]) -> None:
        """Run the late actions; hash anew what is keyed by instances of the program's classes."""
        if self.rehashed:
            self.late(
                contract.LATE_HASHES, lambda: hashing.rehash(memo().values(), self.rehashed)
            )
        for _, act in sorted(self._late, key=lambda item: item[0]):
            act()


def load_state(
    stream: bytes, leaves: Callable[[int], bytearray], header: dict[str, Any]
) -> Any:
    """Rebuild the root of `dump_state`.

    The modules of the header are imported and the user's modules exist (see `modules`); they are
    filled too.

    Raises:
        CorruptError: if the stream is not whole.
        MismatchError: if a library lacks what the stream names.
    """
    known = [find_seed(key) for key in header["seeds"]]
    prologue = b"\x80\x05" + b"".join(
        b"J" + index.to_bytes(4, "little") + b"Q\x940" for index in range(len(known))
    )
    file = io.BytesIO(prologue + b"N." + stream)
    end = len(prologue) + 2 + len(stream)
    load = _Load(leaves, set(header["shared"]))
    unpickler = _Unpickler(file, known, (load.leaf(index) for index in header["buffers"]))
    contract.enter(load)
    try:
        with _quiet():
            root = _read(unpickler, file, end)
            load.finish(unpickler.memo.copy)  # type: ignore[attr-defined]
    finally:
        forget_doors()
        contract.leave()
    return root


def _read(unpickler: _Unpickler, file: io.BytesIO, end: int) -> Any:
    try:
        unpickler.load()  # the seeds
        root: Any = None
        while file.tell() < end:
            loaded = unpickler.load()
            if type(loaded) is _Batch:
                loaded.fill()
            else:
                root = loaded
    except (pickle.UnpicklingError, EOFError) as error:
        raise CorruptError(f"the state is not readable: {error}") from error
    return root


class _Batch:
    """Deferred states: pairs of a fill function's objects and their states."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[tuple[Fill, list[Any], list[Any]]]) -> None:
        self.rows = rows

    def __reduce__(self) -> Reduction:
        return _Batch, (self.rows,)

    def fill(self) -> None:
        """Give each object its state."""
        for fill, objs, states in self.rows:
            for obj, state in zip(objs, states, strict=True):
                try:
                    fill(obj, state)
                except UncapturableError:  # a placeholder lies in its state
                    continue
