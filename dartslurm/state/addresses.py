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

from dartslurm.state import parts
from dartslurm.state.graph_unpickler import Batch
from dartslurm.state.kinds.instances import fill_items
from dartslurm.state.layout import lookup

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

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
    """The objects of one capture whose addresses are numbers in it."""

    def __init__(self) -> None:
        self.objs: list[Any] = []
        self.shells: list[Any] = []
        """Those among them that come first without their items."""
        self.numbers: set[int] = set()
        self._has_looked = False

    def begin(self, pickler: GraphPickler) -> None:
        """Write the objects, before all that may hold a number, and then the shells' items.

        They must be there when the frames come: an iterator has a place among them.
        """
        if self.objs:
            hashes = list(map(_hash, self.objs))
            pickler.dump(Addressed(self.objs, list(map(id, self.objs)), hashes))
        if self.shells:
            items = [dict(one) if type(one) is dict else list(one) for one in self.shells]
            pickler.dump(Batch([(fill_items, self.shells, items)]))

    def look(self, pickler: GraphPickler) -> bool:
        """Look for such objects after the first walk; tell if there are any, so that it is vain.

        All that is met in the second walk was met in the first, but for what is made on the way.
        """
        if self._has_looked:
            return False
        self._has_looked = True
        numbers = _numbers_in(pickler.file.getvalue())
        in_parts = [_numbers_in_part(part) for part in pickler.seeds.part_bytes]
        numbers.update(*in_parts)
        if not numbers:
            return False
        met = gc.get_referents(pickler)  # the memo holds all, and a copy of it costs far more
        found = {id(obj): obj for obj in met if id(obj) in numbers or id(obj) >> 4 in numbers}
        if not found:
            return False
        self.objs[:] = found.values()
        self.numbers = {*found, *(address >> 4 for address in found)}
        known = {id(value) for value in pickler.seeds.all()}
        self.shells += [obj for obj in self.objs if type(obj) in SHELLS and id(obj) not in known]
        for part, held in zip(pickler.seeds.parts, in_parts, strict=True):
            if held & self.numbers:
                parts.leave(part)
        return True


def make_shells(names: list[str]) -> list[Any]:
    """Make the plain containers that come first."""
    known = {cls.__name__: cls for cls in SHELLS}
    return [known[name]() for name in names]


def _hash(obj: Any) -> int | None:
    own = lookup(type(obj), "__hash__") is object.__hash__
    return object.__hash__(obj) if own else None


def _numbers_in(stream: bytes) -> set[int]:
    return {
        int.from_bytes(stream[at : at + _BYTES], "little", signed=True)
        for at in _places(stream, _WRITTEN)
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
