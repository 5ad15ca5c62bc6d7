"""Iterators at their exact positions; the live one is never advanced.

Most of CPython's iterators say themselves how to be rebuilt, and do it well. The others are here:
those that would turn into plain lists (over dicts), and those that refuse (``pairwise``,
``batched``, ``finditer``, views of dicts).
"""

from __future__ import annotations

import _struct
import gc
import itertools
import re
from collections import OrderedDict, deque
from ctypes import c_int, c_ssize_t
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter import fields
from dartslurm.state.memory import pointer_at, word_at
from dartslurm.state.modules import namespace_of, user_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dartslurm.state.contract import Reduction, Writer

_DICT_VIEWS: dict[type, str] = {type({}.keys()): "keys", type({}.values()): "values",
                                type({}.items()): "items"}  # fmt: skip
_DICT_ITERATORS: dict[type, str] = {type(iter(getattr({}, name)())): name
                                    for name in ("keys", "values", "items")}  # fmt: skip
_DICT_REVERSED: dict[type, str] = {type(reversed(getattr({}, name)())): name
                                   for name in ("keys", "values", "items")}  # fmt: skip
_DEQUE_REVERSED: type = type(reversed(deque()))
_DICT_AT = 16
"""Offset of the dict in its iterators."""


def reduce_view(view: Any, _writer: Writer) -> Reduction:
    """Reduce ``d.keys()``, ``d.values()`` or ``d.items()``."""
    return make_view, (pointer_at(view, _DICT_AT), _DICT_VIEWS[type(view)])


def make_view(mapping: dict[Any, Any], name: str) -> Any:
    """Rebuild a view of a dict."""
    return getattr(dict, name)(mapping)


def reduce_dict_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce an iterator over a dict: what is left of it, and the dict."""
    kind = _DICT_ITERATORS.get(type(iterator))
    name = kind or _DICT_REVERSED[type(iterator)]
    mapping = pointer_at(iterator, _DICT_AT)
    if mapping is None:  # exhausted
        return iter, ((),)
    left, length = iterator.__length_hint__(), len(mapping)
    changed = word_at(iterator, _DICT_AT + 8) != length
    if changed:  # its next step is an error, raised from inside: no frame of ours may be in it
        length, left = word_at(iterator, _DICT_AT + 8), word_at(iterator, _DICT_AT + 32)
    passed = length - left
    if changed or any(namespace_of(one) is mapping for one in user_modules().values()):
        writer.defer(settle_dict_iterator, iterator, (length, passed, kind is None))
        passed = 0  # the names of a module come last
    return make_dict_iterator, (mapping, name, passed, kind is None)


def make_dict_iterator(
    mapping: dict[Any, Any], name: str, passed: int, backward: bool
) -> Iterator[Any]:
    """Rebuild an iterator over a dict that stood behind its first ``passed`` entries."""
    view = getattr(dict, name)(mapping)
    iterator: Iterator[Any] = reversed(view) if backward else iter(view)
    for _ in range(passed):
        next(iterator, None)
    return iterator


def settle_dict_iterator(iterator: Any, state: tuple[int, int, bool]) -> None:
    """Move an iterator to its place in a dict that will have been filled, without gaps.

    It began over ``length`` entries; a dict that has another number by then has been changed.

    Source:
        ``dictiterobject``, ``Objects/dictobject.c`` (3.11 to 3.13).
    """
    length, passed, backward = state
    left = length - passed
    words = (c_ssize_t * 5).from_address(id(iterator) + _DICT_AT)
    words[1], words[2], words[4] = length, left - 1 if backward else passed, left


def reduce_set_iterator(iterator: Any, _writer: Writer) -> Reduction:
    """Reduce an iterator over a set: what is left, or that the set has changed."""
    try:
        reduced: Reduction = iterator.__reduce__()
    except RuntimeError:  # "changed size during iteration"
        return make_changed, ({0},)
    return reduced


def reduce_ordered_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce an iterator over an ordered dict: its place there, as values may change before it.

    Source:
        ``odictiterobject``, ``Objects/odictobject.c`` (3.11 to 3.13).
    """
    kind = word_at(iterator, 16) & 0xF
    mapping, upcoming = pointer_at(iterator, 24), pointer_at(iterator, 48)
    if mapping is None or (upcoming is None and word_at(iterator, 32) != -1):  # exhausted
        return iter, ((),)
    try:
        left = len(iterator.__reduce__()[1][0])
    except RuntimeError as error:  # "mutated ...", or, if it was cleared, "changed size ..."
        return make_changed, (
            OrderedDict({0: 0}),
            "popitem" if "mutated" in str(error) else "clear",
        )
    name = "items" if kind & 6 == 6 else "values" if kind & 4 else "keys"
    return make_ordered_iterator, (mapping, name, len(mapping) - left, bool(kind & 1))


def make_ordered_iterator(
    mapping: OrderedDict[Any, Any], name: str, passed: int, backward: bool
) -> Iterator[Any]:
    """Rebuild an iterator over an ordered dict that stood behind its first ``passed`` entries."""
    view = getattr(OrderedDict, name)(mapping)
    iterator: Iterator[Any] = reversed(view) if backward else iter(view)
    for _ in range(passed):
        next(iterator)
    return iterator


def reduce_deque_iterator(iterator: Any, _writer: Writer) -> Reduction:
    """Reduce an iterator over a deque; one that has changed says so at every step.

    Source:
        ``dequeobject`` and ``dequeiterobject``, ``Modules/_collectionsmodule.c`` (3.11 to 3.13).
    """
    whole = pointer_at(iterator, 32)
    if isinstance(whole, deque) and word_at(whole, 56) != word_at(iterator, 40):
        return make_changed, (deque([0]), "clear", type(iterator) is _DEQUE_REVERSED)
    reduced: Reduction = iterator.__reduce__()
    return reduced


def make_changed(whole: Any, change: str = "clear", backward: bool = False) -> Iterator[Any]:
    """Rebuild an iterator over a container that has changed: its next step is the error."""
    iterator: Iterator[Any] = reversed(whole) if backward else iter(whole)
    getattr(whole, change)()
    return iterator


def reduce_pairwise(pairs: Any, _writer: Writer) -> Reduction:
    """Reduce ``itertools.pairwise``: its iterator and the element it remembers."""
    iterator, old = pointer_at(pairs, 16), pointer_at(pairs, 24)
    if iterator is None:
        return make_pairwise, ((),)
    started = any(found is old for found in gc.get_referents(pairs)) and old is not None
    return make_pairwise, ((old,) if started else (), iterator)


def make_pairwise(old: tuple[Any, ...], iterator: Iterable[Any] = ()) -> Any:
    """Rebuild ``itertools.pairwise``."""
    return itertools.pairwise(itertools.chain(old, iterator) if old else iterator)


def reduce_batched(batches: Any, _writer: Writer) -> Reduction:
    """Reduce ``itertools.batched`` (3.12)."""
    iterator = pointer_at(batches, 16)
    size = word_at(batches, 24)
    return make_batched, (iterator if iterator is not None else iter(()), size,
                          bool(getattr(batches, "strict", False)))  # fmt: skip


def make_batched(iterator: Iterator[Any], size: int, _strict: bool) -> Any:
    """Rebuild ``itertools.batched``."""
    return itertools.batched(iterator, size)  # type: ignore[attr-defined]


_GROUPS = fields.Fields({"iterator": 16, "function": 24, "group": 32, "key": 40, "value": 48}, {})


def reduce_groups(groups: Any, writer: Writer) -> Reduction:
    """Reduce ``itertools.groupby``, which forgets by itself in which group it is.

    Source:
        ``groupbyobject``, ``Modules/itertoolsmodule.c`` (3.11 to 3.13).
    """
    writer.defer(fill_groups, groups, fields.read(groups, _GROUPS)[0])
    return itertools.groupby, ((),)


def fill_groups(groups: Any, state: dict[str, Any]) -> None:
    """Give it its iterator, its function, and the group it is in."""
    fields.write(groups, _GROUPS, state, {})


_SCANNER = type(re.compile("").scanner(""))  # type: ignore[attr-defined]
_BEGINNING, _START, _STRING, _END_POSITION, _CHARACTER, _MUST_ADVANCE = 32, 40, 56, 152, 164, 172


def reduce_scanner(scanner: Any, writer: Writer) -> Reduction:
    """Reduce the scanner behind ``re.finditer``: pattern, string and where it goes on.

    Source:
        ``ScannerObject`` and ``SRE_STATE``, ``Modules/_sre/sre.h`` (3.11 to 3.13).
    """
    string = pointer_at(scanner, _STRING)
    size = word_at(scanner, _CHARACTER) & 0xFF
    if not isinstance(string, (str, bytes)) or size not in (1, 2, 4):
        return writer.refuse(scanner, "a regular expression over a buffer")
    if not word_at(scanner, _START):
        position = len(string) + 1
    else:
        position = (word_at(scanner, _START) - word_at(scanner, _BEGINNING)) // size
    return make_scanner, (
        scanner.pattern, string, position, word_at(scanner, _END_POSITION),
        word_at(scanner, _MUST_ADVANCE) & 0xFF,
    )  # fmt: skip


def make_scanner(pattern: Any, string: Any, position: int, end: int, must_advance: int) -> Any:
    """Rebuild a scanner; behind an empty match it must not find that match again."""
    scanner = pattern.scanner(string, min(position, len(string)), end)
    if must_advance and pointer_at(scanner, _STRING) is string:
        c_int.from_address(id(scanner) + _MUST_ADVANCE).value = 1
    if position > len(string):
        while scanner.search() is not None:
            pass
    return scanner


def reduce_mapping_proxy(proxy: MappingProxyType[Any, Any], _writer: Writer) -> Reduction:
    """Reduce a read-only view of a mapping (a class's namespace goes with the class)."""
    mapping = pointer_at(proxy, 16)
    for cls in gc.get_referrers(mapping):
        if isinstance(cls, type) and cls.__dict__ == proxy:
            return getattr, (cls, "__dict__")
    return MappingProxyType, (mapping,)


class _Indexed:
    def __getitem__(self, index: int) -> Any:
        raise IndexError(index)


_SEQUENCE_ITERATOR = type(iter(_Indexed()))
_POSITION, _SEQUENCE = 16, fields.Fields({"sequence": 24}, {})
"""``seqiterobject`` and ``reversedobject`` (``Objects/iterobject.c``, ``enumobject.c``)."""


def reduce_sequence_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce an iterator that asks ``__getitem__``; making one would ask the object too early."""
    sequence = pointer_at(iterator, _SEQUENCE.objects["sequence"])
    if sequence is None:  # exhausted
        return make_sequence_iterator, (type(iterator) is reversed,)
    state = sequence, word_at(iterator, _POSITION)
    writer.defer(fill_sequence_iterator, iterator, state)
    return make_sequence_iterator, (type(iterator) is reversed,)


def make_sequence_iterator(backward: bool) -> Any:
    """Rebuild an exhausted iterator over a sequence."""
    iterator: Any = reversed(()) if backward else iter(_Indexed())
    next(iterator, None)
    return iterator


def fill_sequence_iterator(iterator: Any, state: tuple[Any, int]) -> None:
    """Give an iterator its sequence and its position."""
    sequence, position = state
    fields.write(iterator, _SEQUENCE, {"sequence": sequence}, {})
    c_ssize_t.from_address(id(iterator) + _POSITION).value = position


_MEMORY_ITERATOR = type(iter(memoryview(b"")))
_UNPACKED, _UNPACKING_FROM = type(_struct.iter_unpack("b", b"")), 32
_UNPACKED_BYTES = 104
"""``memoryiterobject`` (``Objects/memoryobject.c``) has the layout of ``seqiterobject``, and
``unpackiterobject`` (``Modules/_struct.c``) its structure, its buffer and how far it is in it."""


def reduce_memory_iterator(iterator: Any, _writer: Writer) -> Reduction:
    """Reduce an iterator over a memoryview: the view and the position."""
    view = pointer_at(iterator, _SEQUENCE.objects["sequence"])
    if view is None:  # exhausted
        return make_memory_iterator, (memoryview(b""), 0)
    return make_memory_iterator, (view, word_at(iterator, _POSITION))


def make_memory_iterator(view: memoryview, position: int) -> Any:
    """Rebuild an iterator over a memoryview; one over nothing is exhausted."""
    iterator = iter(view)
    c_ssize_t.from_address(id(iterator) + _POSITION).value = position
    if not view.nbytes:
        next(iterator, None)
    return iterator


def reduce_unpacked(iterator: Any, _writer: Writer) -> Reduction:
    """Reduce ``struct.iter_unpack``: its format, what it reads from, and how far it is."""
    struct = pointer_at(iterator, 16)
    if struct is None:  # exhausted
        return make_unpacked, (_struct.Struct("b"), b"", 0)
    return make_unpacked, (
        struct, pointer_at(iterator, _UNPACKING_FROM), word_at(iterator, _UNPACKED_BYTES),
    )  # fmt: skip


def make_unpacked(struct: Any, content: Any, passed: int) -> Any:
    """Rebuild ``struct.iter_unpack``; one over nothing is exhausted."""
    iterator = struct.iter_unpack(content)
    c_ssize_t.from_address(id(iterator) + _UNPACKED_BYTES).value = passed
    if not passed and not len(content):
        next(iterator, None)
    return iterator


REDUCERS: dict[type, Any] = {
    _MEMORY_ITERATOR: reduce_memory_iterator,
    _UNPACKED: reduce_unpacked,
    _SEQUENCE_ITERATOR: reduce_sequence_iterator,
    reversed: reduce_sequence_iterator,
    **dict.fromkeys(_DICT_VIEWS, reduce_view),
    **dict.fromkeys(_DICT_ITERATORS, reduce_dict_iterator),
    **dict.fromkeys(_DICT_REVERSED, reduce_dict_iterator),
    itertools.pairwise: reduce_pairwise,
    itertools.groupby: reduce_groups,
    type(iter(set())): reduce_set_iterator,
    type(iter(OrderedDict())): reduce_ordered_iterator,
    type(iter(deque())): reduce_deque_iterator,
    _DEQUE_REVERSED: reduce_deque_iterator,
    _SCANNER: reduce_scanner,
    MappingProxyType: reduce_mapping_proxy,
}
if hasattr(itertools, "batched"):
    REDUCERS[itertools.batched] = reduce_batched
