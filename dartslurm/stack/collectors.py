"""C functions that collect what an iterator gives: ``list(…)``, ``sorted(…)``, ``"".join(…)``.

While such a call waits for an item, what it has collected is reachable from nowhere but its own C
stack; `find` gets it from there. The call is then rebuilt as a call of the matching ``finish``
function here, which goes on with the collected part. Both halves live together.

Two situations: a *generator* runs, and the finishing function asks it for its next item; or the
function of a ``map`` runs, whose value is the next item.

The invariant: what was collected is found with certainty (one object of the right type that only
this C function holds), or the call is blocked. ``sum``, ``min`` and ``max`` keep their part in
registers: `dartslurm.stack.folds` has those.
"""

from __future__ import annotations

import functools
from collections import deque
from ctypes import c_ssize_t
from functools import partial
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.c_stack import held_by_c
from dartslurm.interpreter.frames import NULL
from dartslurm.interpreter.words import object_at
from dartslurm.stack import consumers, folds
from dartslurm.stack.callables import Arguments, Outcome, code_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

_KINDS: dict[Any, Any] = {
    list: list,
    tuple: tuple,
    set: set,
    dict: dict,
    deque: deque,
    sorted: list,
    str.join: list,
}
"""What a collecting function fills before it is done."""


def going_on(
    function: Any, arguments: Arguments, generator: Any, inner: FrameType
) -> Callable[[], Any] | None:
    """Return a function of no arguments that goes on with the call; ``None``: blocked."""
    source, rest = _source(function, arguments)
    if source is None:
        return folds.going_on(function, arguments, generator, inner)
    if not consumers.reaches(source, generator):
        return None
    finisher = _finisher(function, arguments, inner, rest)
    return None if finisher is None else partial(finisher, source)


def item_outcome(
    function: Any, arguments: Arguments, code: CodeType, inner: FrameType
) -> Outcome | None:
    """Tell what becomes of the value of a mapped function: the call goes on with it."""
    adapter = _with_item(function, arguments, code, inner)
    if adapter is None:
        return folds.item_outcome(function, arguments, code, inner)
    return Outcome("apply", adapter)


def _with_item(
    function: Any, arguments: Arguments, code: CodeType, inner: FrameType
) -> Callable[[Any], Any] | None:
    if function is functools.reduce:
        return _reducing(arguments, code, inner)
    grown = consumers.grown_by(function, arguments)
    source, rest = (grown[2], ()) if grown is not None else _source(function, arguments)
    if type(source) is not map or not consumers.returns_item(source, code):
        return None
    if function in (any, all):
        return partial(finish_test, function, source)
    if grown is not None:
        owner, name, _ = grown
        return partial(finish_item, owner, getattr(owner, name), source) if name else None
    finisher = _finisher(function, arguments, inner, rest)
    if finisher is None:
        return None
    return partial(finish_item, _part_of(finisher), finisher, source)


def _source(function: Any, arguments: Arguments) -> tuple[Any, tuple[Any, ...]]:
    """Return the iterator that ``function`` consumes, and the positional arguments before it."""
    count = len(arguments.positional)
    if _is_join(function):
        return (arguments.positional[0], ()) if count == 1 else (None, ())
    if function is str.join:
        return (arguments.positional[1], arguments.positional[:1]) if count == 2 else (None, ())
    if _is_known(function) or function in (any, all):
        return (arguments.positional[0], ()) if count == 1 else (None, ())
    return None, ()


def is_searched(function: Any) -> bool:
    """Tell whether the part of ``function`` is searched for: what was not found may be, later.

    Words that were left on the C stack can look like a second find; they do not stay.
    """
    return _is_known(function) or _is_join(function) or function is str.join


def _is_known(function: Any) -> bool:
    return isinstance(function, type | BuiltinFunctionType) and function in _KINDS


def _is_join(function: Any) -> bool:
    return (
        type(function) is BuiltinFunctionType
        and function.__name__ == "join"
        and type(function.__self__) is str
    )


def _finisher(
    function: Any, arguments: Arguments, inner: FrameType, rest: tuple[Any, ...]
) -> partial[Any] | None:
    is_join = _is_join(function) or function is str.join
    kind = list if is_join else _KINDS.get(function) if _is_known(function) else None
    if kind is None or (arguments.keywords and function is not sorted):
        return None
    found = held_by_c(inner, kind)
    if len(found) != 1:
        return None
    part: Any = _filled(found[0]) if kind is tuple else found[0]
    if is_join:
        return partial(finish_join, part, rest[0] if rest else function.__self__)
    if function is sorted:
        return partial(finish_sorted, part, arguments.keywords)
    return partial(_FINISHERS[kind], part)


def _part_of(finisher: partial[Any]) -> Any:
    return finisher.args[0]


def _filled(unfinished: tuple[Any, ...]) -> list[Any]:
    """Return the items of a tuple that is being filled: those before the first empty place."""
    first = id(unfinished) + tuple.__basicsize__
    items: list[Any] = []
    for index in range(c_ssize_t.from_address(id(unfinished) + 16).value):
        item = object_at(first + 8 * index, NULL)
        if item is NULL:
            break
        items.append(item)
    return items


def _reducing(
    arguments: Arguments, code: CodeType, inner: FrameType
) -> Callable[[Any], Any] | None:
    if len(arguments.positional) < 2 or code_of(arguments.positional[0]) is not code:
        return None
    items = arguments.positional[1]
    if type(items) not in (list, tuple, range):
        iterator = items if type(items) in (map, filter, zip, enumerate) else None
    else:
        found = [one for one in held_by_c(inner, type(iter(items))) if _iterates(one, items)]
        iterator = found[0] if len(found) == 1 else None
    return None if iterator is None else partial(finish_reduce, arguments.positional[0], iterator)


def _iterates(iterator: Any, items: Any) -> bool:
    source = iterator.__reduce__()[1][0]
    return source is items or (type(items) is range and source[-1:] == items[-1:])


def finish_sequence(part: Any, iterator: Any) -> Any:
    """Go on with ``list(iterator)`` or ``deque(iterator)``."""
    part.extend(iterator)
    return part


def finish_mapping(part: Any, iterator: Any) -> Any:
    """Go on with ``dict(iterator)`` or ``set(iterator)``."""
    part.update(iterator)
    return part


def finish_tuple(part: list[Any], iterator: Any) -> tuple[Any, ...]:
    """Go on with ``tuple(iterator)``."""
    part.extend(iterator)
    return tuple(part)


def finish_sorted(part: list[Any], keywords: dict[str, Any], iterator: Any) -> list[Any]:
    """Go on with ``sorted(iterator, **keywords)``, which is still collecting."""
    part.extend(iterator)
    part.sort(**keywords)
    return part


def finish_join(part: list[str], separator: str, iterator: Any) -> str:
    """Go on with ``separator.join(iterator)``."""
    part.extend(iterator)
    return separator.join(part)


def finish_item(part: Any, go_on: Callable[[Any], Any], iterator: Any, item: Any) -> Any:
    """Add ``item``, which the mapped function has just given, then go on with the rest."""
    if type(part) in (list, deque):
        part.append(item)
    else:
        part.update((item,))
    return go_on(iterator)


def finish_test(function: Callable[[Any], bool], iterator: Any, item: Any) -> bool:
    """Go on with ``any(iterator)`` or ``all(iterator)`` after ``item``."""
    return bool(item) if bool(item) is (function is any) else function(iterator)


def finish_reduce(function: Callable[[Any, Any], Any], iterator: Any, value: Any) -> Any:
    """Go on with ``functools.reduce(function, …)`` after ``value``."""
    return functools.reduce(function, iterator, value)


_FINISHERS: dict[Any, Callable[[Any, Any], Any]] = {
    list: finish_sequence,
    deque: finish_sequence,
    tuple: finish_tuple,
    set: finish_mapping,
    dict: finish_mapping,
}
