"""An object graph to one stream and its leaf buffers, and back in another process.

The C pickler walks; Python is asked once for each object that is not plain. The stream is a row of
pickles on one memo. It begins with the *seeds*: module namespaces and other containers that belong
to modules, which both memos hold from the start. Then comes the root, where each instance is only
a shell, and then, in batches, the states of the objects met so far, until none is left. So the
depth of the recursion is that of nested plain containers, cycles need no care, and sharing is kept.

Nothing here changes the program's objects, and no code of the program runs, neither way. What
cannot travel becomes a `guard.Lost` with a row in the ledger; what cannot travel *now* is
a veto.
"""

from __future__ import annotations

import io
import pickle
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.errors import CorruptError, DartError, UncapturableError
from dartslurm.interpreter.layouts import PYTHON_VERSION
from dartslurm.model.parts import PickledState
from dartslurm.state import contract, ledger, nans, parts, paths
from dartslurm.state.addresses import Addressed, Noted, make_shells
from dartslurm.state.graph_pickler import GraphPickler, Seeds, name_of_class, prefer_own
from dartslurm.state.graph_unpickler import (
    Batch,
    CarefulUnpickler,
    GraphUnpickler,
    Load,
    may_be_lost,
)
from dartslurm.state.identity import find_namespace, find_seed, library
from dartslurm.state.kinds import registered
from dartslurm.state.kinds.instances import forget_doors
from dartslurm.state.memory import keep_for_ever
from dartslurm.state.modules import (
    fill_user_module,
    module_aliases,
    module_items,
    namespace_of,
)
from dartslurm.state.outside import libraries
from dartslurm.state.patience import patience
from dartslurm.state.quiet import quiet
from dartslurm.state.readiness import Cyclic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dartslurm.model.parts import Scope

_ROUNDS = 24


def dump_state(
    root: object,
    *,
    path_of: Callable[[int], str | None] | None = None,
    running: dict[int, tuple[Any, list[Any]]] | None = None,
    scopes: Sequence[Scope] = (),
) -> PickledState:
    """Pickle everything that ``root`` reaches, and the user's modules.

    ``scopes`` are the variables whose status the ledger gives. ``path_of`` names the place of an
    object (by identity) for readers of the leaf buffers.
    ``running`` gives plan and values of the generators that are on the stack, by identity.

    Raises:
        NotYetError: if an object cannot travel at this instant.
        UncapturableError: if the graph as a whole cannot be pickled.
    """
    with quiet(), patience(GraphPickler.reducer_override.__code__):
        library.refresh()
        deep: list[Any] = []
        flat, careful = False, ledger.had_losses()
        modules = {
            name: module_items(sys.modules[name])
            for name, first in module_aliases()
            if name == first
        }
        whole = {"root": root, "modules": modules}
        noted = Noted()
        seeds = Seeds.find(whole, noted.shells)
        for _ in range(_ROUNDS):
            pickler = nans.pickler_class()(seeds, path_of, careful)
            pickler.running = running or {}
            pickler.flat = flat
            try:
                _write(pickler, root, modules, deep, noted)
            except Cyclic:
                continue
            except RecursionError:
                if flat:
                    raise UncapturableError("the state is nested too deeply") from None
                deep, flat = paths.deep_containers(whole), True
                continue
            lost = [obj for obj, _, gone in pickler.refused if gone]
            if nans.are_unmarked(pickler):
                continue
            if noted.look(pickler):  # there are shells now, or parts less
                seeds = Seeds.find(whole, noted.shells)
                continue
            if not lost:
                break
            other_way = ledger.is_news(pickler) and _give_way(whole, lost)
            if careful and not other_way:
                break
            careful = True
        rows = ledger.lost_rows(pickler, scopes, whole)
        return PickledState(
            pickler.file.getvalue(),
            pickler.leaves,
            {**_header(pickler), "lost": [row["path"] for row in rows]},
            rows,
            ledger.survey(pickler, scopes),
            seeds.part_bytes,
        )


def _write(
    pickler: GraphPickler,
    root: object,
    modules: dict[str, dict[str, Any]],
    deep: list[Any],
    noted: Noted,
) -> None:
    try:
        rows = libraries.first()
        if rows:
            pickler.dump_flat(Batch(rows))
        noted.begin(pickler)
        for holder in deep:
            pickler.dump_flat(holder)
        for batch in registered.namespaces_needed(pickler.is_user_module):
            pickler.dump_flat(batch)
        for name, items in modules.items():
            names = [one for one in namespace_of(sys.modules[name]) if type(one) is str]
            pickler.defer(fill_user_module, name, (items, names))
        pickler.dump_flat(root)
        pickler.dump_class_changes()
        pickler.dump_side_tables()
        pickler.dump_finalizers()
        pickler.dump_set_orders(noted.numbers)
    except (DartError, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise UncapturableError(f"cannot pickle the program's state: {error}") from error


def _give_way(root: object, lost: list[Any]) -> bool:
    """Let the nearest class above each lost object use its own reduction; tell if any is new."""
    found = False
    for holder in paths.holders(root, lost, _has_own_way):
        name = name_of_class(type(holder))
        if name not in prefer_own:
            prefer_own.add(name)
            found = True
    return found


def _has_own_way(obj: Any) -> bool:
    cls = type(obj)
    return (
        cls.__module__ in sys.modules
        and cls.__module__ != "__main__"
        and any(
            name in holder.__dict__
            for holder in cls.__mro__[:-1]
            for name in ("__getstate__", "__reduce__", "__reduce_ex__")
        )
    )


def _header(pickler: GraphPickler) -> dict[str, Any]:
    names = [name for name, _ in pickler.seeds.namespaces]
    return {
        "python": PYTHON_VERSION,
        "modules": names,
        "aliases": sorted(set(sys.modules) - set(names)),
        "user_modules": module_aliases(),
        "seeds": [key for key, _ in pickler.seeds.containers],
        "parts": len(pickler.seeds.parts),
        "shells": [type(shell).__name__ for shell in pickler.seeds.shells],
        "buffers": pickler.buffers,
        "shared": sorted(pickler.shared),
    }


def load_state(
    stream: bytes,
    leaves: Callable[[int], bytearray],
    header: dict[str, Any],
    part_bytes: Callable[[int], bytes],
    losses: list[str] | None = None,
) -> Any:
    """Rebuild the root of `dump_state`.

    The modules of the header are imported and the user's modules exist (see `modules`); they are
    filled too. ``losses`` gets a line for each object whose rebuilding failed.

    Raises:
        CorruptError: if the stream is not whole.
        MismatchError: if a library lacks what the stream names.
    """
    try:
        root, found = _load(GraphUnpickler, stream, leaves, header, part_bytes)
    except BaseException as error:
        if not may_be_lost(error):
            raise
        error.__traceback__ = None  # it holds what has been made so far
        root, found = _load(CarefulUnpickler, stream, leaves, header, part_bytes)
    if losses is not None:
        losses += found
    return root


def _load(
    reading: Any,
    stream: bytes,
    leaves: Callable[[int], bytearray],
    header: dict[str, Any],
    part_bytes: Callable[[int], bytes],
) -> tuple[Any, list[str]]:
    known = [find_namespace(name) for name in header["modules"]]
    known += [find_seed(key) for key in header["seeds"]]
    known += [parts.read_part(part_bytes(index)) for index in range(header.get("parts", 0))]
    known += make_shells(header.get("shells", []))
    prologue = b"\x80\x05" + b"".join(
        b"J" + index.to_bytes(4, "little") + b"Q\x940" for index in range(len(known))
    )
    file = io.BytesIO(prologue + b"N." + stream)
    end = len(prologue) + 2 + len(stream)
    load = Load(leaves, header)
    unpickler = reading(file, known, (load.leaf(index) for index in header["buffers"]))
    load.careful = unpickler if reading is CarefulUnpickler else None
    contract.enter(load)
    try:
        with quiet():
            root = _read(unpickler, file, end)
            load.finish(unpickler.memo.copy)
    except BaseException as error:
        if may_be_lost(error):
            keep_for_ever(unpickler.memo.copy())  # no `__del__` of the program's may run for it
        raise
    finally:
        load.forget()
        forget_doors()
        contract.leave()
    return root, load.losses + getattr(unpickler, "losses", [])


def _read(unpickler: Any, file: io.BytesIO, end: int) -> Any:
    try:
        unpickler.load()  # the seeds
        root: Any = None
        while file.tell() < end:
            loaded = unpickler.load()
            if type(loaded) is Batch:
                loaded.fill()
            elif type(loaded) is Addressed:
                loaded.overwrite(file)
            else:
                root = loaded
    except (pickle.UnpicklingError, EOFError) as error:
        raise CorruptError(f"the state is not readable: {error}") from error
    return root
