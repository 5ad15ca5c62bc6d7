"""Numbers that are addresses: what ``id()`` gave is true of the same object after a resume.

A program that keeps ``id(x)`` (``copy.deepcopy`` in the middle of its work, a set of what has been
visited, a table by identity) holds a number that looks like any other. In a new process the object
lies elsewhere, so the number must change with it. How, without a look at each number:

* *Virtual addresses.* An ``id`` of our own that goes on giving the old ones would have to outlive
  every object, and C code does not ask it.
* *Patch what was loaded.* Numbers are keys of dicts, parts of tuples and locals of frames by then.
* *Patch what is loaded*, the one chosen: in the pickle such a number is eight bytes that nothing
  else has. The objects in question come first in the stream, the plain containers among them
  empty, and when they are there, the numbers in the rest of it are overwritten.

So the first walk of a capture finds the numbers that are addresses of objects it has met, and if
there are any, the walk is done again with these objects first. The same holds for the hash that an
object has by its address. Not found are numbers in arrays, in texts, and sums of addresses.

Source:
    ``LONG1`` in ``Lib/pickletools.py``; ``TYPE_LONG`` in ``Python/marshal.c``;
    ``_Py_HashPointer`` in ``Python/pyhash.c`` (3.11 to 3.13).
"""

from __future__ import annotations

import gc
import struct
from typing import TYPE_CHECKING, Any
from weakref import ref

from dartslurm.state import parts
from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.kinds.instances import fill_items
from dartslurm.state.layout import lookup

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

    from dartslurm.state.contract import Reduction, Writer
    from dartslurm.state.graph_pickler import GraphPickler

_WRITTEN = b"\x8a\x06"
"""How a pickle writes an integer of six bytes, which addresses and their hashes have."""
_BYTES = 6
_MARSHALLED = (b"l\x04\0\0\0", "<4H"), (b"l\x03\0\0\0", "<3H")
"""How `marshal` writes an integer of four digits of 15 bits, and of three."""
_MOST = 200_000
"""How many such numbers are looked at: a program with more of them computes with large integers."""
SHELLS = (dict, list, set)
"""Plain containers, which come first without their items."""


_EITHER_WAY = frozenset(("matplotlib.transforms",))
"""Modules that name objects by addresses, make many, and do as well when the names are old ones."""


class Addressed:
    """Objects whose addresses are numbers in the stream, and these: of the object, of its hash."""

    def __init__(self, objs: list[Any], ids: list[int], hashes: list[int | None]) -> None:
        self.objs = objs
        self.ids = ids
        self.hashes = hashes

    def overwrite(self, file: io.BytesIO) -> None:
        """Put the addresses of this process into the stream from here on."""
        new: dict[bytes, bytes] = {}
        for obj, old, hashed in zip(self.objs, self.ids, self.hashes, strict=True):
            new[_number(old)] = _number(id(obj))
            if hashed is not None:
                new[_number(hashed)] = _number(object.__hash__(obj))
        begin = file.tell()
        with file.getbuffer() as stream:
            for place in _places(file.getvalue(), _WRITTEN, begin):
                found = new.get(bytes(stream[place : place + _BYTES]))
                if found is not None:
                    stream[place : place + _BYTES] = found


def reduce_addressed(found: Addressed, _writer: Writer) -> Reduction:
    """Reduce the objects; what they lead to comes later."""
    return Addressed, (found.objs, found.ids, found.hashes)


class Noted:
    """The objects of one capture whose addresses are numbers in it: first those of the last one."""

    def __init__(self) -> None:
        self.objs: list[Any] = [obj for known in _last if (obj := known()) is not None]
        self.shells: list[Any] = []
        """Those among them that come first without their items."""
        self.numbers = _numbers_of(self.objs)
        self._end = 0
        self._has_looked = False

    def begin(self, pickler: GraphPickler) -> None:
        """Write the objects, before all that may hold a number, and then the shells' items.

        They must be there when the frames come: an iterator has a place among them.
        """
        if self.objs:
            hashes = list(map(_hash, self.objs))
            pickler.dump(Addressed(self.objs, list(map(id, self.objs)), hashes))
        self._end = pickler.file.tell()
        if self.shells:
            items = [dict(one) if type(one) is dict else list(one) for one in self.shells]
            pickler.dump(Batch([(fill_items, self.shells, items)]))

    def look(self, pickler: GraphPickler) -> bool:
        """Look for such objects after the first walk; tell if there are others, so that it is vain.

        All that is met in the second walk was met in the first, but for what is made on the way.
        """
        if self._has_looked:
            return False
        self._has_looked = True
        numbers = _numbers_in(pickler.file.getvalue(), self._end)
        in_parts = [_numbers_in_part(part) for part in pickler.seeds.part_bytes]
        numbers.update(*in_parts)
        objs = {id(obj): obj for obj in self.objs if _is_in(numbers, obj)}
        fresh = numbers - self.numbers
        if fresh:
            met = gc.get_referents(pickler)  # the memo holds all, and a copy of it costs far more
            objs.update((id(obj), obj) for obj in met if _is_in(fresh, obj))
        others = objs.keys() - set(map(id, self.objs))
        is_vain = any(type(objs[one]).__module__ not in _EITHER_WAY for one in others)
        for part, held in zip(pickler.seeds.parts, in_parts, strict=True):
            if held & _numbers_of(objs.values()):
                parts.leave(part)
                is_vain = True
        _last[:] = [ref(obj) for obj in objs.values() if _may_be_kept(obj)]
        if is_vain:
            known = {id(value) for value in pickler.seeds.all()}
            self.objs[:] = objs.values()
            self.shells += [
                one for one in self.objs if type(one) in SHELLS and id(one) not in known
            ]
            self.numbers = _numbers_of(self.objs)
        return is_vain


_last: list[ref[Any]] = []
"""The objects of the last capture: a library's, which links its own by addresses, last long."""


def _may_be_kept(obj: Any) -> bool:
    """Tell whether nobody notices if an object comes back that the program has let go of."""
    cls = type(obj)
    return bool(cls.__weakrefoffset__) and lookup(cls, "__del__") is None


def _is_in(numbers: set[int], obj: Any) -> bool:
    return id(obj) in numbers or id(obj) >> 4 in numbers


def _numbers_of(objs: Iterable[Any]) -> set[int]:
    addresses = set(map(id, objs))
    return addresses | {address >> 4 for address in addresses}


def make_shells(names: list[str]) -> list[Any]:
    """Make the plain containers that come first."""
    known = {cls.__name__: cls for cls in SHELLS}
    return [known[name]() for name in names]


def _hash(obj: Any) -> int | None:
    own = lookup(type(obj), "__hash__") is object.__hash__
    return object.__hash__(obj) if own else None


def _numbers_in(stream: bytes, begin: int) -> set[int]:
    return {
        int.from_bytes(stream[at : at + _BYTES], "little", signed=True)
        for at in _places(stream, _WRITTEN, begin)
    }


def _numbers_in_part(part: bytes) -> set[int]:
    found = set()
    for written, digits in _MARSHALLED:
        for at in _places(part, written, end=len(part) - struct.calcsize(digits)):
            words = struct.unpack_from(digits, part, at)
            found.add(sum(word << 15 * place for place, word in enumerate(words)))
    return found


def _places(stream: bytes, written: bytes, begin: int = 0, end: int | None = None) -> Iterator[int]:
    """Yield where the bytes of an integer may be."""
    place = stream.find(written, begin, end)
    for _ in range(_MOST):
        if place < 0:
            return
        yield place + len(written)
        place = stream.find(written, place + 1, end)


def _number(number: int) -> bytes:
    return number.to_bytes(_BYTES, "little", signed=True)
