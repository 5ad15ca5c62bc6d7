"""The C pickler with our answers: what each object is reduced to, and what is deferred.

Takes a root; gives a stream, leaf buffers and what was refused. It decides in this order: the kind
of the exact type, the family it belongs to, an object that a library holds, the bare layout of a
Python class, the class's own reduction. See `pickler` for the form of the stream.
"""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
import sys
from dataclasses import dataclass
from types import GeneratorType
from typing import TYPE_CHECKING, Any
from weakref import ref

from dartslurm.errors import DartError
from dartslurm.model.parts import LeafBuffer
from dartslurm.state import class_changes, guard, memory, parts, set_order, side_tables
from dartslurm.state.addresses import Addressed, reduce_addressed
from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.identity import bound_late, library, rebind, seeds, set_by_program
from dartslurm.state.kinds import references, registry
from dartslurm.state.kinds.instances import CARRIED, has_own_hash, is_copied_by, raw_reducer
from dartslurm.state.layout import dict_of_class, facts_of, mro_of_class
from dartslurm.state.modules import resolve, user_modules, walk_to
from dartslurm.state.patience import Impatient, too_slow
from dartslurm.state.readiness import Cyclic, Mark, Readiness, unready, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.contract import Fill, Reducer, Reduction

_PROTOCOL = 5
_HEAP_TYPE = 1 << 9
_SET_OPCODES = (pickle.EMPTY_SET + pickle.MEMOIZE, pickle.FROZENSET + pickle.MEMOIZE)

prefer_own: set[tuple[str, str]] = set()
"""Classes (module, name) whose bare state cannot travel; their own reduction is used."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """What both memos begin with, in this order; the parts come with their bytes."""

    namespaces: list[tuple[str, Any]]
    containers: list[tuple[str, Any]]
    parts: list[Any]
    part_bytes: list[bytes]
    shells: list[Any]
    """Plain containers without their items: see `addresses`."""

    @classmethod
    def find(cls, root: Any, shells: list[Any]) -> Seeds:
        """Find the seeds of a capture of ``root``."""
        namespaces, containers = seeds()
        known = {id(value) for _, value in namespaces + containers} | set(map(id, shells))
        return cls(namespaces, containers, *parts.take_parts(root, known), shells)

    def all(self) -> list[Any]:
        """Return the objects in their order."""
        known = [value for _, value in self.namespaces + self.containers]
        return known + self.parts + self.shells


class GraphPickler(pickle.Pickler):
    """One walk over the graph; a `contract.Writer`."""

    def __init__(
        self, seeds: Seeds, path_of: Callable[[int], str | None] | None, careful: bool
    ) -> None:
        self.file = io.BytesIO()
        me = ref(self)  # in a cycle the memo would keep all it has met until a collection

        def take_buffer(buffer: pickle.PickleBuffer) -> bool:
            pickler = me()
            return pickler is None or pickler._take_buffer(buffer)

        super().__init__(self.file, _PROTOCOL, buffer_callback=take_buffer)
        self.running: dict[int, tuple[Any, list[Any]]] = {}
        self.guard = careful
        self.flat = False
        self.leaves: list[LeafBuffer] = []
        self.buffers: list[int] = []
        self.shared: set[int] = set()
        self.refused: list[tuple[Any, str, bool]] = []
        self.names: dict[int, str] = {}
        """What placeholders of an earlier resume stand for, by their identity."""
        self.seeds = seeds
        self.memo = {id(value): (i, value) for i, value in enumerate(seeds.all())}
        self._path_of, self._user = path_of, frozenset(user_modules())
        self.readiness = Readiness()
        self._reducers: dict[type, Reducer] = registry.exact()
        self._reducers[guard.Lost], self._reducers[Mark] = guard.reduce_lost, _pass_mark
        self._reducers[Addressed] = reduce_addressed
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
        except BaseException as error:
            if not _is_its_own(error, self.flat):
                raise
            value = self.refuse(obj, _reason(error))
        guarded = self.guard and type(value) is tuple and cls is not Mark
        return guard.guarded(value) if guarded else value

    def reducer_of(self, cls: type) -> Reducer | None:
        """Return the reducer that instances of ``cls`` had in this walk."""
        return self._reducers.get(cls)

    def dump_flat(self, root: Any) -> None:
        """Dump ``root`` and then the deferred states, until none is left."""
        self.dump(root)
        while self.readiness.queue:
            self.dump(self.readiness.next_batch())

    def dump_class_changes(self) -> None:
        """Note what was set on classes of libraries: see `class_changes`."""
        rows = class_changes.changes()
        if rows:
            met = set(map(id, gc.get_referents(self)))
            rows = [
                row
                for row in rows
                if id(row[2]) in met or class_changes.travels(row[2], self.is_user_module)
            ]
        if rows:
            classes, states = [row[0] for row in rows], [row[1:] for row in rows]
            self.dump_flat(Batch([(class_changes.set_again, classes, states)]))

    def dump_side_tables(self) -> None:
        """Note what libraries keep beside the threads and the objects met; it may lead to more."""
        for batch in side_tables.batches(self, lambda: map(id, gc.get_referents(self))):
            self.dump_flat(batch)

    def dump_finalizers(self) -> None:
        """Note the finalizers that nothing holds but the registry; they may lead to others."""
        while references.is_waiting():
            met = set(map(id, gc.get_referents(self)))
            found = references.finalizers_of(met, self.is_by_value, self.is_user_module)
            if not found:
                return
            self.dump_flat(Batch([(references.be_met, found, [None] * len(found))]))

    def dump_set_orders(self, addressed: set[int]) -> None:
        """Note the order of sets that would not come back in it; those of addresses have none."""
        stream = self.file.getvalue()
        if not any(opcode in stream for opcode in _SET_OPCODES):
            return
        known = set(map(id, self.seeds.all())) - set(map(id, self.seeds.shells))
        met = gc.get_referents(self)  # the memo holds all, and a copy of it costs far more
        sets = [obj for obj in met if type(obj) is set or type(obj) is frozenset]
        sets = [obj for obj in sets if id(obj) not in known and addressed.isdisjoint(obj)]
        rows = set_order.tables_of(sets)
        if rows:
            objs, states = zip(*rows, strict=True)
            self.dump_flat(Batch([(set_order.fill_table, list(objs), list(states))]))

    def _choose(self, cls: type) -> Reducer:
        found = registry.family(cls)
        if found is not None:
            return found
        by_value = self.is_by_value(cls)
        if not by_value and (_constructs(cls) or name_of_class(cls) in prefer_own):
            return _reduce_known_or_own
        inline = not by_value and has_own_hash(cls)
        raw = raw_reducer(cls, inline=inline)
        return (raw or _reduce_own) if by_value else _known_or(raw)

    # -- what a kind may ask ------------------------------------------------------------------

    def defer(self, fill: Fill, obj: Any, state: Any) -> None:
        """See `contract.Writer`."""
        self.readiness.defer(fill, obj, state)

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

    def refuse(self, obj: Any, reason: str, what: str = "") -> Reduction:
        """See `contract.Writer`."""
        self.refused.append((obj, reason, True))
        if what:
            self.names[id(obj)] = what
        return guard.make_lost, (what or label(obj), reason, len(self.refused) - 1)

    def note(self, obj: Any, reason: str) -> None:
        """See `contract.Writer`."""
        self.refused.append((obj, reason, False))

    def is_user_module(self, name: Any) -> bool:
        """See `contract.Writer`."""
        return name in self._user

    def is_by_value(self, cls: type) -> bool:
        """See `contract.Writer`."""
        return self.located(cls) is None

    def located(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        if issubclass(type(obj), type):
            module, path = facts_of(obj, "__module__"), facts_of(obj, "__qualname__")
        else:
            module = getattr(obj, "__module__", None)
            path = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
        if isinstance(module, str) and module in self._user:
            return None
        if walk_to(obj, module, path) and not _is_made_later(module, path):
            return path
        return self.known(obj)

    def known(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        found = library.name_of(obj)
        if found is None:
            return None
        if found[1] in bound_late.get(found[0], ()):
            self.defer(rebind, obj, found)  # it travels by value, and is bound there again
            return None
        return resolve, found

    def raw(self, obj: Any) -> Reduction | None:
        """See `contract.Writer`."""
        cls = type(obj)
        reducer = raw_reducer(cls, inline=not self.is_by_value(cls) and has_own_hash(cls))
        return reducer(obj, self) if reducer is not None else None

    def own(self, obj: Any) -> Reduction:
        """See `contract.Writer`."""
        return _reduce_own(obj, self)


def name_of_class(cls: type) -> tuple[str, str]:
    """Return what identifies a class from one capture to the next."""
    return facts_of(cls, "__module__"), facts_of(cls, "__qualname__")


def label(obj: Any) -> str:
    """Return the type's full name, for the ledger."""
    cls = type(obj)
    return ".".join(name_of_class(cls))


def _constructs(cls: type) -> bool:
    """Tell whether a library's class says itself how its instances are made (singletons do)."""
    for holder in mro_of_class(cls)[:-1]:
        namespace = dict_of_class(holder) if holder not in CARRIED else {}
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
        found = writer.known(obj) if name_of(obj) is not None else None
        return reducer(obj, writer) if found is None else found

    return reduce_instance


def _reduce_known_or_own(obj: Any, writer: Any) -> Reduction:
    found = writer.located(obj) if hasattr(obj, "__qualname__") else writer.known(obj)
    return found if found is not None else _reduce_own(obj, writer)


def _pass_mark(mark: Mark, writer: Any) -> Reduction:
    passed: Reduction = writer.readiness.pass_mark(mark)
    return passed


def _reduce_own(obj: Any, writer: Any) -> Reduction:
    if writer.readiness.is_building(obj):
        unready.add(name_of_class(type(obj)))
        raise Cyclic("an object is part of its own arguments")
    if too_slow and name_of_class(type(obj)) in too_slow:
        return _second_way(obj, writer, "its reduction took too long before")
    try:
        special = copyreg.dispatch_table.get(type(obj))
        value = special(obj) if special is not None else obj.__reduce_ex__(_PROTOCOL)
        if type(value) is tuple:
            value = _checked(value)
    except BaseException as error:
        if not _is_its_own(error, writer.flat):
            raise
        if isinstance(error, Impatient):
            too_slow.add(name_of_class(type(obj)))
        return _second_way(obj, writer, _reason(error))
    if isinstance(value, str):
        if walk_to(obj, _module_of(obj), value) and not writer.is_user_module(_module_of(obj)):
            return resolve, (_module_of(obj), value)
        return _second_way(obj, writer, f"{value} is not where it says it is")
    if type(value) is tuple and _looks_itself_up(obj, value[1], writer):
        return _second_way(obj, writer, "it is looked up on a class that holds it")
    return _with_whole_parts(value, obj, writer)


def _looks_itself_up(obj: Any, arguments: tuple[Any, ...], writer: Any) -> bool:
    """Tell of a descriptor of a class by value whose reduction asks that class for it."""
    return any(
        issubclass(type(cls), type)
        and any(value is obj for value in dict_of_class(cls).values())
        and writer.is_by_value(cls)
        for cls in arguments
    )


def _with_whole_parts(value: Any, obj: Any, writer: Any) -> Reduction:
    if type(value) is not tuple:
        return _second_way(obj, writer, "its reduction is none")
    name = name_of_class(type(obj))
    if name not in prefer_own and is_copied_by(value, obj, writer, in_cycle=name in unready):
        return writer.raw(obj)
    if "numpy" in sys.modules and not type(obj).__flags__ & _HEAP_TYPE:
        from dartslurm.state.kinds.sharing import keep_shared

        value = keep_shared(obj, value)
    return value if writer.flat or name in unready else whole(value, obj)


def _checked(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Find now what the C pickler would find too late: a failure there costs the version.

    Raises:
        TypeError: if it is no reduction.
    """
    if not 2 <= len(value) <= 6 or not callable(value[0]) or not isinstance(value[1], tuple):
        raise TypeError("its reduction is none")
    if any(type(part) is GeneratorType for part in value[3:5]):  # the program's code: run it here
        items = [None if part is None else iter(list(part)) for part in value[3:5]]
        return *value[:3], *items, *value[5:]
    return value


def _is_its_own(error: BaseException, flat: bool) -> bool:
    """Tell whether a reduction failed by its own fault: the object is lost, the version is not."""
    if isinstance(error, (DartError, KeyboardInterrupt, Cyclic)):
        return False
    if isinstance(error, RecursionError):
        return flat  # else the graph may be what is deep
    return not (isinstance(error, MemoryError) and memory.is_short())


def _reason(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # the program's own __str__
        return type(error).__name__


def _is_made_later(module: Any, path: Any) -> bool:
    """Tell whether the program put it there: a new import of the library will not make it."""
    return path.partition(".")[0] in set_by_program.get(module, ())


def _module_of(obj: Any) -> Any:
    return getattr(obj, "__module__", None) or type(obj).__module__


def _second_way(obj: Any, writer: Any, reason: str) -> Reduction:
    if name_of_class(type(obj)) not in prefer_own:
        found = writer.raw(obj)
        if found is not None:
            return found
    return writer.refuse(obj, reason)
