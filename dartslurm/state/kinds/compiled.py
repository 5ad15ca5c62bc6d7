"""Numba's typed lists and dicts: their items, for their memory is known by an address only.

Two of them may be the same memory (a compiled function returned what it was given, an inner list
lies in an outer one); then the count of its holders is above one, and they are lost by name.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.contract import Reduction, Writer

_types: Any = sys.modules["numba"].types  # type: ignore[attr-defined, unused-ignore]
_List: Any = sys.modules["numba.typed.typedlist"].List  # type: ignore[attr-defined, unused-ignore]
_Dict: Any = sys.modules["numba.typed.typeddict"].Dict  # type: ignore[attr-defined, unused-ignore]
_PLAIN = (_types.Number, _types.Boolean, _types.UnicodeType, _types.NPDatetime, _types.NPTimedelta)


def reduce_list(items: Any, writer: Writer) -> Reduction:
    """Reduce a typed list to its type and its items."""
    if not items._typed:
        return make_empty, (_List, None)
    kind = items._list_type
    return _reduce(items, kind, [kind.dtype], fill_list, writer)


def reduce_dict(items: Any, writer: Writer) -> Reduction:
    """Reduce a typed dict to its type and its items, in their order."""
    if not items._typed:
        return make_empty, (_Dict, None)
    kind = items._dict_type
    return _reduce(items, kind, [kind.key_type, kind.value_type], fill_dict, writer)


def _reduce(
    items: Any, kind: Any, types: list[Any], fill: Callable[[Any, Any], None], writer: Writer
) -> Reduction:
    if items._opaque.refcount > 1:
        return writer.refuse(items, "its memory is held elsewhere too, by its address")
    if not all(map(_is_plain, types)):
        return writer.refuse(items, "its items refer to memory by its address")
    if fill is fill_list:
        writer.defer(fill, items, (list(items), items._is_mutable()))
    else:
        writer.defer(fill, items, dict(items))
    return make_empty, (type(items), kind)


def _is_plain(kind: Any) -> bool:
    if isinstance(kind, _types.BaseTuple):
        return all(map(_is_plain, kind.types))
    return isinstance(kind, _PLAIN)


def make_empty(cls: Any, kind: Any) -> Any:
    """Rebuild a typed list or dict without its items."""
    if kind is None:
        return cls()
    return cls(lsttype=kind) if cls is _List else cls(dcttype=kind)


def fill_list(items: Any, state: tuple[list[Any], bool]) -> None:
    """Give a typed list its items."""
    for item in state[0]:
        items.append(item)
    if not state[1]:
        items._make_immutable()


def fill_dict(items: Any, state: dict[Any, Any]) -> None:
    """Give a typed dict its items."""
    for key, value in state.items():
        items[key] = value


REDUCERS: dict[type, Any] = {_List: reduce_list, _Dict: reduce_dict}
