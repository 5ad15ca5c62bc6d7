"""Large plain containers travel beside the stream, each in a part of its own.

Takes the root of a capture; gives the large lists and dicts below it that are *closed*, and their
bytes. The pickler knows each by its place among the seeds, so whoever holds it keeps holding it.

A container is closed when nothing inside it is seen from outside: it holds exact numbers, ``None``,
text, and lists, tuples and dicts of these, and each inner one has its container as its only holder.
Then no alias can cross the border, and the part is written without a memo, at the speed of C, and
at load without asking anybody. How that is known without a look at each object from Python:

* *Mark what was seen, and compare addresses.* An address says nothing about an object that may have
  died in between, and holding the objects would keep the program's alive.
* *Pickle all and hash.* The memo alone costs three times what the values cost.
* *Count references*, the one chosen: the program stands still, so an inner container whose count is
  one cannot be held by a frame, an iterator, another container or another thread.

Text may be held by several: inside the part `marshal` keeps that; text that is also held outside
must be interned (it is again at load), or the container is not closed. On any doubt it is not, and
is pickled with everything else.

Source:
    Measured, CPU of one core: 10^6 ints 28 ms; a dict of 3·10^5 lists 55 ms (pickled: 120 ms).
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
from collections import Counter
from itertools import chain, compress
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

_NUMBERS = frozenset((int, float, complex, bool, type(None)))
_TEXTS = frozenset((str, bytes))
_HOLDERS = frozenset((list, tuple, dict))
_FLOATS = frozenset((float, complex))
_PLAIN = _NUMBERS | _TEXTS | _HOLDERS
_OPAQUE = (
    type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, MemberDescriptorType,
    GetSetDescriptorType, str, bytes, int, float,
)  # fmt: skip
_MARSHAL_VALUES, _MARSHAL_SHARING = 2, 4
"""Formats of `marshal`: without, and with, references to objects met before."""
_NANS = b"g\0\0\0\0\0\0\xf8\x7f", b"g\0\0\0\0\0\0\xf8\xff"
"""Their identity counts, see `nans`; `marshal` does not keep it."""
_INTERNED = frozenset(b"tAZ")
_LEVELS = 6
_MOST = 5_000
"""Objects looked at in the search for large containers."""
_LEAST_ITEMS = 4096
_ROUNDS_REFUSED = 8
_SAMPLE = 512
"""Texts of which a look tells whether all might be few names of fields."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    _Walk = Callable[[], Iterable[Any]]

_refused: dict[int, int] = {}
"""By identity, how many captures a container that was not closed is left alone."""


def _least_items() -> int:
    """Return from which length on a container is a part; a test may set it, 0 for never."""
    return int(os.environ.get("DART_TEST_PART_ITEMS") or _LEAST_ITEMS)


def take_parts(root: Any, known: set[int]) -> tuple[list[Any], list[bytes]]:
    """Return the closed large containers below ``root``, and the bytes of each.

    ``known`` are identities of containers that travel otherwise.
    """
    holders: list[Any] = []
    written: list[bytes] = []
    for key in [key for key, rounds in _refused.items() if rounds <= 0]:
        del _refused[key]
    for holder in _large(root):
        if id(holder) in known:
            continue
        if id(holder) in _refused:
            _refused[id(holder)] -= 1
            continue
        data = _write(holder)
        if data is None:
            _refused[id(holder)] = _ROUNDS_REFUSED
        else:
            holders.append(holder)
            written.append(data)
    return holders, written


def leave(holder: Any) -> None:
    """Leave a container to the stream in the captures that come."""
    _refused[id(holder)] = _ROUNDS_REFUSED


def read_part(data: bytes) -> Any:
    """Rebuild the container of a part."""
    return marshal.loads(data)


def _large(root: Any) -> list[Any]:
    """Search breadth first, and not inside what is large itself."""
    least = _least_items()
    if least <= 0:  # switched off
        return []
    found: list[Any] = []
    seen = {id(root)}
    front = [root]
    for _ in range(_LEVELS):
        following: list[Any] = []
        for child in gc.get_referents(*front):
            if id(child) in seen or issubclass(type(child), _OPAQUE):
                continue
            seen.add(id(child))
            if type(child) is list or type(child) is dict:
                if len(child) >= least:
                    found.append(child)
                    continue
            elif type(child) is tuple and len(child) >= _MOST:
                continue
            following.append(child)
        if len(seen) > _MOST or not following:
            break
        front = following
    return found


def _write(holder: Any) -> bytes | None:
    """Return the bytes of a closed container, ``None`` when it is not closed."""
    kinds: set[type] = set()
    texts = _texts_of(holder, kinds)
    if texts is None or not _keep_identity(texts):
        return None
    try:
        data = marshal.dumps(holder, _MARSHAL_SHARING if texts else _MARSHAL_VALUES)
    except ValueError:
        return None
    return None if kinds & _FLOATS and any(sign in data for sign in _NANS) else data


def _texts_of(holder: Any, kinds: set[type]) -> list[Any] | None:
    """Go down level by level; return all text met, ``None`` when something is not closed.

    ``kinds`` gets the types met.
    """
    texts: list[Any] = []
    groups = [[holder]]
    for _ in range(_LEVELS):
        following = [
            _look_at(walk, texts, kinds) for group in groups for walk in _walks_over(group)
        ]
        if None in following:
            return None
        groups = list(filter(None, following))
        if not groups:
            return texts
    return None


def _look_at(walk: _Walk, texts: list[Any], met: set[type]) -> list[Any] | None:
    """Return the holders among some children; ``None`` when any child cannot be in a part.

    Most are numbers, of which only the types are seen: no list is made of them.
    """
    kinds = set(map(type, walk()))
    met |= kinds
    if not kinds <= _PLAIN:
        return None
    if kinds & _TEXTS:
        _add_texts(walk, kinds, texts)
    inner = kinds & _HOLDERS
    if not inner:
        return []
    children = walk()
    if kinds != inner:
        children = [child for child in children if type(child) in inner]
    elif type(children) is list:  # the one that holds them
        return children if _are_unshared(children, _OWN) else None
    else:
        children = list(children)
    return children if _are_unshared(children, _OWN + 1) else None


def _add_texts(walk: _Walk, kinds: set[type], texts: list[Any]) -> None:
    """Add the texts among some children, without those that need no count: names of fields."""
    if not texts:
        texts.append("")  # that there are any
    found = list(walk())
    if not kinds <= _TEXTS:
        found = [child for child in found if type(child) is str or type(child) is bytes]
    if len(set(map(id, found[:_SAMPLE]))) * 8 <= _SAMPLE < len(found):
        distinct = dict(zip(map(id, found), found, strict=True))
        if len(distinct) * 8 <= len(found) and all(map(_is_one, distinct.values())):
            return
        del distinct
    texts += found


def _walks_over(group: list[Any]) -> list[_Walk]:
    """Return what walks over all that a group of holders hold, as uniform as it comes."""
    if len(group) == 1 and type(group[0]) is list:
        return [lambda: group[0]]
    rows = tables = group
    kinds = set(map(type, group))
    if dict in kinds and len(kinds) > 1:
        rows = [holder for holder in group if type(holder) is not dict]
        tables = [holder for holder in group if type(holder) is dict]
    walks: list[_Walk] = [lambda: chain.from_iterable(rows)] if kinds != {dict} else []
    if dict in kinds:
        walks.append(lambda: chain.from_iterable(tables))
        walks.append(lambda: chain.from_iterable(map(dict.values, tables)))
    return walks


def _own() -> int:
    return next(map(sys.getrefcount, [[]]))


_OWN = _own()
"""What ``map`` and ``getrefcount`` find of an object that only the list they walk over holds."""


def _are_unshared(level: list[Any], expected: int) -> bool:
    counts = list(map(sys.getrefcount, level))
    if counts.count(expected) == len(counts):
        return True
    others = compress(level, (count != expected for count in counts))
    return all(type(holder) is tuple and not holder for holder in others)


def _keep_identity(texts: list[Any]) -> bool:
    """Tell whether each text is held by the part alone, or is the same one after a load."""
    counts = list(map(sys.getrefcount, texts))
    if counts.count(_OWN + 1) == len(counts):
        return True
    shared = [count != _OWN + 1 for count in counts]
    several = list(compress(texts, shared))
    keys = list(map(id, several))
    times = Counter(keys)
    inside = dict(zip(keys, compress(counts, shared), strict=True))
    distinct = dict(zip(keys, several, strict=True))
    return all(
        count == 2 * times[key] + _OWN - 1 or _is_one(distinct[key])
        for key, count in inside.items()
    )


def _is_one(text: Any) -> bool:
    """Tell whether the interpreter has only one text of this value."""
    if type(text) is bytes:
        return not text
    if len(text) < 2 and text < "\u0100":
        return True
    return marshal.dumps(text, _MARSHAL_SHARING)[0] & 0x7F in _INTERNED
