"""C functions that fold what an iterator gives into one value: ``sum``, ``min`` and ``max``.

They keep their part in C locals. `going_on` and `item_outcome` read those where
`dartslurm.interpreter.c_locals` has found them, in experiments that call the function as the
program does: with a generator, with a ``map``, with a key function. The call is then rebuilt as a
call of the matching ``finish`` function here. Both halves live together.

The invariant: the rest is folded by the operations, in the order, that the C function would have
used; no function of the program is called a second time for an item that it has had.
"""

from __future__ import annotations

import operator
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter import c_locals
from dartslurm.interpreter.caches import CACHED, function_of, remember
from dartslurm.stack import consumers
from dartslurm.stack.callables import Arguments, Outcome, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

_BETTER: dict[Any, Callable[[Any, Any], Any]] = {max: operator.gt, min: operator.lt}
_COMPENSATES = sum((1.0, 1e100, 1.0, -1e100)) == 2.0
"""Whether ``sum`` carries what adding two floats loses."""
_ABSENT = object()
"""What a null pointer is read as."""


def going_on(
    function: Any, arguments: Arguments, generator: Any, inner: FrameType
) -> Callable[[], Any] | None:
    """Return a function of no arguments that goes on with the call; ``None``: blocked."""
    if not _is_fold(function) or arguments.positional[:1] != (generator,):
        return None
    if function is sum:
        return _summing("generator", inner, generator)
    if len(arguments.positional) != 1:
        return None
    key = arguments.keywords.get("key")
    way = "generator" if key is None else "generator with key"
    found = c_locals.find((function, way), partial(_best_of_generator, function, way), inner)
    if found is None:
        return None
    best, value = found.reference("best", _ABSENT), found.reference("value", _ABSENT)
    if best is _ABSENT or value is _ABSENT:
        return partial(finish_anew, function, arguments.keywords, generator)
    return partial(finish_best, _BETTER[function], key, best, value, generator)


def item_outcome(
    function: Any, arguments: Arguments, code: CodeType, inner: FrameType
) -> Outcome | None:
    """Tell what becomes of the value of a mapped function, or of a key function."""
    adapter = _with_value(function, arguments, code, inner) if _is_fold(function) else None
    return None if adapter is None else Outcome("apply", adapter)


def _is_fold(function: Any) -> bool:
    return type(function) is type(sum) and (function is sum or function in _BETTER)


def _with_value(
    function: Any, arguments: Arguments, code: CodeType, inner: FrameType
) -> Callable[[Any], Any] | None:
    key, given = arguments.keywords.get("key"), arguments.positional
    if key is not None:
        is_cached = type(key) is CACHED
        called = function_of(key) if is_cached else key
        if code_of(called) is not code or type(called) not in _KINDS or not given:
            return None
        return _keyed(function, key, _cache_of(key) if is_cached else _KINDS[type(key)], inner)
    source = given[0] if given else None
    mapped = consumers.mapped_by(source)
    if mapped is None or code_of(mapped) is not code or type(mapped) not in _KINDS:
        return None
    way = _KINDS[type(mapped)]
    if function is sum:
        return _summing(way, inner, source)
    if len(given) != 1:
        return None
    found = c_locals.find((function, way), partial(_best_of_map, function, way), inner)
    if found is None:
        return None
    best = found.reference("best", _ABSENT)
    kept = () if best is _ABSENT else (best, best)
    return partial(finish_mapped, _BETTER[function], kept, source)


def _cache_of(key: Any) -> str:
    """Tell which of its ways to call its function the wrapper of ``lru_cache`` takes."""
    most = key.cache_info().maxsize
    kind = "unbounded" if most is None else "bounded" if most else "idle"
    return f"{kind} cache of {_KINDS[type(function_of(key))]}"


def _keyed(function: Any, key: Any, kind: str, inner: FrameType) -> Callable[[Any], Any] | None:
    if function is sum:
        return None
    way = "key " + kind
    found = c_locals.find((function, way), partial(_best_by_key, function, way), inner)
    if found is None:
        return None
    item, iterator = found.reference("item", _ABSENT), found.reference("iterator", _ABSENT)
    if item is _ABSENT or iterator is _ABSENT:
        return None
    best, value = found.reference("best", _ABSENT), found.reference("value", _ABSENT)
    kept = () if best is _ABSENT or value is _ABSENT else (best, value)
    finisher = partial(finish_keyed, _BETTER[function], key, kept, item, iterator)
    return partial(finish_cached, key, item, finisher) if type(key) is CACHED else finisher


def _summing(way: str, inner: FrameType, source: Any) -> Callable[..., Any] | None:
    found = c_locals.find((sum, way), partial(_sum_of, way), inner)
    if found is None:
        return None
    if found.phase == "integer":
        return partial(finish_sum, found.integer("part"), source)
    if found.phase == "object":
        part = found.reference("part", _ABSENT)
        return None if part is _ABSENT else partial(finish_objects, part, source)
    if _COMPENSATES:
        return partial(finish_compensated, found.real("part"), found.real("carry"), source)
    return partial(finish_sum, found.real("part"), source)


def finish_sum(part: Any, iterator: Any, *first: Any) -> Any:
    """Go on with ``sum(iterator)`` from ``part``, after the item ``first`` if there is one."""
    for item in first:
        part = part + item
    return sum(iterator, part)


def finish_objects(part: Any, iterator: Any, *first: Any) -> Any:
    """As `finish_sum`, once there was an item that is neither an integer nor a float.

    Such a sum carries nothing, not even from float to float.
    """
    for items in (first, iterator):
        for item in items:
            part = part + item
    return part


def finish_compensated(part: float, carry: float, iterator: Any, *first: Any) -> Any:
    """Go on with a sum of floats that carries what is lost in each addition.

    Source:
        ``builtin_sum_impl`` in ``Python/bltinmodule.c`` of 3.12 (Neumaier's summation).
    """
    for items in (first, iterator):
        for item in items:
            if type(item) is float:
                part, carry = _compensated(part, carry, item)
            elif isinstance(item, int) and -(2**63) <= item < 2**63:
                part += int.__float__(item)
            else:
                return finish_objects(_with_carry(part, carry) + item, iterator)
    return _with_carry(part, carry)


def _compensated(part: float, carry: float, item: float) -> tuple[float, float]:
    total = part + item
    lost = (part - total) + item if abs(part) >= abs(item) else (item - total) + part
    return total, carry + lost


def _with_carry(part: float, carry: float) -> float:
    """Return the sum; a carry that is infinite or not a number is dropped."""
    return part + carry if carry and carry - carry == 0.0 else part


def finish_anew(function: Any, keywords: dict[str, Any], iterator: Any) -> Any:
    """Go on with ``max(iterator, **keywords)`` or ``min(…)`` before the first item.

    A function of its own: a rebuilt caller that waits in its prologue must see a Python frame
    between itself and the generator, or it is taken for one that advances the generator once.
    """
    return function(iterator, **keywords)


def finish_best(
    better: Callable[[Any, Any], Any], key: Any, best: Any, value: Any, iterator: Any
) -> Any:
    """Go on with ``max(iterator, key=key)`` or ``min(…)``: ``best`` has the ``value``."""
    for item in iterator:
        its = item if key is None else key(item)
        if better(its, value):
            best, value = item, its
    return best


def finish_keyed(
    better: Callable[[Any, Any], Any],
    key: Any,
    kept: tuple[Any, ...],
    item: Any,
    iterator: Any,
    value: Any,
) -> Any:
    """As `finish_best`, after the key function has given ``value`` for ``item``."""
    if kept and not better(value, kept[1]):
        item, value = kept
    return finish_best(better, key, item, value, iterator)


def finish_cached(cached: Any, item: Any, go_on: Callable[[Any], Any], value: Any) -> Any:
    """Have the wrapper of ``lru_cache`` remember ``value`` for ``item``, then go on with it."""
    return go_on(remember(cached, (item,), {}, value))


def finish_mapped(
    better: Callable[[Any, Any], Any], kept: tuple[Any, ...], iterator: Any, value: Any
) -> Any:
    """As `finish_best` without a key, after a mapped function has given ``value``."""
    return finish_keyed(better, None, kept, value, iterator, value)


_KINDS: dict[type, str] = {FunctionType: "function", MethodType: "method"}
"""Callables whose calls leave a known trace on the C stack."""


class _Addend:
    """An item whose sum with anything is the object that it brings."""

    def __init__(self, total: Any) -> None:
        self.total = total

    def __add__(self, other: Any) -> Any:
        return other.total

    def __radd__(self, other: Any) -> Any:
        return self.total


def _addition(dice: c_locals.Dice, start: int) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Give steps of a sum from ``start``: the phase, what it holds, the next item."""
    part = start
    for _ in range(4):
        item = dice.number(1, 2**50)
        yield "integer", {"part": part}, item
        part += item
    drift = dice.real()
    yield "integer", {"part": part}, drift
    total, carry = part + drift, 0.0
    for _ in range(5):
        held = {"part": total, "carry": carry} if _COMPENSATES else {"part": total}
        real = dice.real()
        yield "float", held, real
        total, carry = _compensated(total, carry, real)
    held = {"part": total, "carry": carry} if _COMPENSATES else {"part": total}
    made = _Addend(None)
    yield "float", held, _Addend(made)
    for _ in range(4):
        following = _Addend(None)
        yield "object", {"part": (made,)}, _Addend(following)
        made = following


def _sum_of(way: str, call: Any, dice: c_locals.Dice, notebook: c_locals.Notebook) -> None:
    start = dice.number(1, 2**50)
    steps = [_Step(*one) for one in _addition(dice, start)]
    if way == "generator":
        call(sum, _giving(steps, notebook), start)
    else:
        call(sum, map(_looking(way, notebook), steps), start)


class _Step:
    """What should be on the stack when an item is asked for, and that item."""

    def __init__(self, phase: str, held: dict[str, Any], item: Any) -> None:
        self.phase = phase
        self.held = held
        self.item = item


def _giving(steps: list[_Step], notebook: c_locals.Notebook) -> Iterator[Any]:
    """Give each step's item, noting first what should be on the stack."""
    for step in steps:
        notebook.note(step.phase, **step.held)
        yield step.item


class _Looker:
    """A method for `_looking`."""

    def __init__(self, notebook: c_locals.Notebook) -> None:
        self.notebook = notebook

    def look(self, step: _Step) -> Any:
        self.notebook.note(step.phase, **step.held)
        return step.item


def _looking(way: str, notebook: c_locals.Notebook) -> Callable[[_Step], Any]:
    """Return a callable of the type of ``way`` that returns a step's item, and notes the stack."""
    if way.endswith("method"):
        look = _Looker(notebook).look
    else:

        def look(step: _Step) -> Any:
            notebook.note(step.phase, **step.held)
            return step.item

    for kind, most in (("unbounded", None), ("bounded", 99), ("idle", 0)):
        if f" {kind} cache " in way:
            return lru_cache(most)(look)
    return look


def _contest(
    function: Any, dice: c_locals.Dice, *, has_key: bool
) -> list[tuple[dict[str, Any], Any]]:
    """Return steps of a search: what it holds, and the pair of the next item and its value."""
    steps = []
    held: dict[str, Any] = {"best": None, "value": None}
    form = (int, float, str, lambda number: (number,))[dice.number(0, 4)]
    for _ in range(6):
        value = form(dice.number(10**12, 10**13))
        item = dice.number(2**40, 2**50) if has_key else value
        steps.append((held, (item, value)))
        if held["best"] is None or _BETTER[function](value, held["value"][0]):
            held = {"best": (item,), "value": (value,)}
    return steps


def _best_of_generator(
    function: Any, way: str, call: Any, dice: c_locals.Dice, notebook: c_locals.Notebook
) -> None:
    has_key = way.endswith("key")
    steps = _contest(function, dice, has_key=has_key)
    items = _giving([_Step("search", held, pair[0]) for held, pair in steps], notebook)
    keywords = {"key": dict(pair for _, pair in steps).get} if has_key else {}
    call(function, items, **keywords)


def _best_of_map(
    function: Any, way: str, call: Any, dice: c_locals.Dice, notebook: c_locals.Notebook
) -> None:
    contest = _contest(function, dice, has_key=False)
    steps = [_Step("search", held, pair[0]) for held, pair in contest]
    call(function, map(_looking(way, notebook), steps))


def _best_by_key(
    function: Any, way: str, call: Any, dice: c_locals.Dice, notebook: c_locals.Notebook
) -> None:
    steps: list[_Step] = []
    iterator = iter(steps)
    best: Any = None
    for held, (_, value) in _contest(function, dice, has_key=True):
        step = _Step("search", {**held, "iterator": (iterator,)}, value)
        step.held.update(best=best and (best,), item=(step,))
        steps.append(step)
        if best is None or _BETTER[function](value, best.item):
            best = step
    source = (_Iterable(iterator), iterator)[dice.number(0, 2)]
    call(function, source, key=_looking(way, notebook))


class _Iterable:
    """What is not its own iterator: the C function has both, and one is to be found."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator

    def __iter__(self) -> Iterator[Any]:
        return self.iterator
