"""Whole arguments for a library's own builder, although everything else is filled late.

Instances come back as shells and are filled in batches; that is right for reductions that only
store what they get. A library's ``__reduce__`` may name a function that *looks into* its arguments,
and ``__setstate__`` may look into the state. So the stream gets two marks around them. At the first
the pickler begins a queue of its own; at the second it writes the states that were deferred in
between, and deeper ones before them, so that they are filled before the builder is called. What was
deferred earlier and is reachable from the arguments is drawn into that queue.

An object that is met again inside its own arguments would never end: its class is `unready`, and
the state is pickled anew with shells for it, as a builder that takes cycles must expect.
"""

from __future__ import annotations

import gc
from itertools import islice
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.kinds.instances import fill_dict, set_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dartslurm.state.contract import Fill, Reduction

Queue = dict["Fill", tuple[list[Any], list[Any]]]

unready: set[tuple[str, str]] = set()
"""Classes (module, name) whose arguments lead back to the object itself."""

_ATOMS = frozenset((str, int, float, bool, complex, bytes, type(None), FunctionType,
                    BuiltinFunctionType, ModuleType))  # fmt: skip
_CONTAINERS = (tuple, list, dict)
_TWICE = (fill_dict, set_dict)
"""Filling twice with these does no harm."""
_NEAR = 400
"""How many objects around the arguments are looked at for states that wait already."""


class Cyclic(BaseException):
    """The state must be pickled once more, with one class more in `unready`."""


class Mark:
    """Stands in the stream where a queue begins (with the arguments) or ends."""

    __slots__ = ("begins", "owner", "root")

    def __init__(self, owner: Any = None, root: Any = None, *, begins: bool = False) -> None:
        self.owner = owner
        self.root = root
        self.begins = begins


class Readiness:
    """The queues of deferred states of one walk, innermost last."""

    def __init__(self) -> None:
        self.queue: Queue = {}
        self._outer: list[tuple[Queue, Any]] = []
        self._building: set[int] = set()
        self._places: dict[int, list[tuple[Fill, list[Any], list[Any], int]]] = {}
        self._indexed: dict[int, tuple[list[Any], int]] = {}
        self._written: set[int] = set()

    def defer(self, fill: Fill, obj: Any, state: Any) -> None:
        """Add a state to the innermost queue."""
        found = self.queue.get(fill)
        if found is None:
            found = self.queue[fill] = [], []
        found[0].append(obj)
        found[1].append(state)

    def next_batch(self) -> Batch:
        """Take the outermost queue to be written."""
        batch, self.queue = self.queue, {}
        self._places.clear()
        self._indexed.clear()
        self._written.clear()
        for fill, (objs, states) in batch.items():
            if fill in _TWICE:
                self._index(fill, objs, states)
        self._written.update(self._indexed)
        return Batch([(fill, *rows) for fill, rows in batch.items()])

    def is_building(self, obj: Any) -> bool:
        """Tell whether the arguments of ``obj`` itself are being written."""
        return id(obj) in self._building

    def pass_mark(self, mark: Mark) -> Reduction:
        """Begin or end a queue, and return what the mark becomes in the stream."""
        if mark.begins:
            self._begin(mark)
            return _nothing, ()
        if self.queue:
            batch, self.queue = self.queue, {}
            self._write(batch)
            rows = [(fill, *found) for fill, found in batch.items()]
            return _fill_now, (rows, Mark())
        self.queue, owner = self._outer.pop()
        self._building.discard(id(owner))
        return _nothing, ()

    def _begin(self, mark: Mark) -> None:
        self._outer.append((self.queue, mark.owner))
        for queue, _ in self._outer:
            for fill, (objs, states) in queue.items():
                self._index(fill, objs, states)
        self.queue = {}
        if mark.owner is not None:
            self._building.add(id(mark.owner))
        if self._places:
            for obj in islice(_near(mark.root), _NEAR):
                if id(obj) in self._places:
                    self._draw(obj)

    def _index(self, fill: Fill, objs: list[Any], states: list[Any]) -> None:
        _, begin = self._indexed.get(id(objs), (objs, 0))
        for position in range(begin, len(objs)):
            place = fill, objs, states, position
            self._places.setdefault(id(objs[position]), []).append(place)
        self._indexed[id(objs)] = objs, len(objs)

    def _write(self, batch: Queue) -> None:
        """Note that the states of ``batch`` are being written: only some may be written twice."""
        for fill, (objs, _) in batch.items():
            self._written.add(id(objs))
            if fill not in _TWICE:
                for obj in objs:
                    places = self._places.get(id(obj), [])
                    places[:] = [place for place in places if place[1] is not objs]

    def _draw(self, obj: Any) -> None:
        """Move the waiting states of ``obj`` here; repeat those whose batch is being written."""
        for fill, objs, states, position in self._places.pop(id(obj)):
            if objs[position] is not obj:
                continue
            self.defer(fill, obj, states[position])
            if id(objs) not in self._written:
                objs[position] = states[position] = None


def _near(root: Any) -> Iterator[Any]:
    """Yield objects reachable from ``root``, nearest first."""
    row, seen = [root], {id(root)}
    while row:
        found = []
        for obj in row:
            if type(obj) not in _ATOMS and not isinstance(obj, type):
                yield obj
                found += gc.get_referents(obj)
        row = [obj for obj in found if not (id(obj) in seen or seen.add(id(obj)))]  # type: ignore[func-returns-value]


def whole(value: tuple[Any, ...], obj: Any) -> Reduction:
    """Return a library's reduction so that its functions are called with whole objects."""
    build, arguments, state, items, pairs, setter = [*value, None, None, None, None][:6]
    if not _is_plain(arguments):
        first = Mark(obj, arguments, begins=True)
        build, arguments = _build, (first, build, arguments, Mark())
    if (setter is not None or hasattr(type(obj), "__setstate__")) and not _is_plain(state):
        first = Mark(None, state, begins=True)
        state, setter = (first, setter, state, Mark()), _set
    made = build, arguments, state, items, pairs, setter
    return made if setter is not None else made[: len(value)]


def _is_plain(value: Any, depth: int = 3) -> bool:
    if type(value) in _ATOMS or isinstance(value, type):
        return True
    if type(value) not in _CONTAINERS or not depth or len(value) > 30:
        return False
    if type(value) is dict and not all(_is_plain(key, depth - 1) for key in value):
        return False
    parts = value.values() if type(value) is dict else value
    return all(_is_plain(part, depth - 1) for part in parts)


def _nothing() -> None:
    """Rebuild a mark."""


def _fill_now(rows: list[tuple[Fill, list[Any], list[Any]]], _deeper: None) -> None:
    """Fill what was deferred between two marks; what that needs has been filled before."""
    Batch(rows).fill()


def _build(_first: None, build: Any, arguments: tuple[Any, ...], _last: None) -> Any:
    """Call a library's builder."""
    return build(*arguments)


def _set(obj: Any, state: tuple[Any, Any, Any, Any]) -> None:
    """Give an object its state in the library's way."""
    _first, setter, value, _last = state
    if setter is not None:
        setter(obj, value)
    else:
        obj.__setstate__(value)
