"""C iterators between a consumer and the Python code that gives it items.

An instruction that takes an item may be executed again only if no C iterator on the way has
already done something with this item. That holds where the running generator is the *first*
thing the iterator asks: ``enumerate``, ``filter``, ``map`` and ``zip`` by their first source,
``islice``, ``chain`` and the like.
"""

from __future__ import annotations

import gc
import io
import itertools
from _collections import _count_elements  # type: ignore[import-not-found, unused-ignore]
from collections import deque
from types import BuiltinFunctionType, MethodDescriptorType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.fields import awaited
from dartslurm.stack.callables import Arguments, code_of, find_static

if TYPE_CHECKING:
    from types import CodeType

_PASSING = (
    enumerate,
    filter,
    map,
    zip,
    itertools.chain,
    itertools.islice,
    itertools.takewhile,
    itertools.dropwhile,
    itertools.filterfalse,
    itertools.starmap,
    itertools.compress,
    itertools.zip_longest,
)
_FIRST_OF_SEVERAL = (map, zip, itertools.compress, itertools.zip_longest)


def reaches(iterator: Any, generator: Any) -> bool:
    """Tell whether asking ``iterator`` again asks ``generator`` first, with nothing lost."""
    for _ in range(16):
        if iterator is generator:
            return True
        if type(iterator) not in _PASSING:
            return False
        source = _source(iterator)
        if source is None:
            return False
        iterator = source
    return False


def sends_to(awaitable: Any, generator: Any) -> bool:
    """Tell whether sending to ``awaitable`` once more sends to ``generator``, with nothing lost."""
    while awaitable is not None:
        if awaitable is generator:
            return True
        awaitable = awaited(awaitable)
    return False


def _source(iterator: Any) -> Any:
    """Return the iterator that ``iterator`` asks first."""
    if type(iterator) in _FIRST_OF_SEVERAL:
        for referent in gc.get_referents(iterator):
            if type(referent) is tuple and referent:
                return referent[0]
        if type(iterator) is itertools.compress:
            return next(iter(gc.get_referents(iterator)), None)
        return None
    if type(iterator) is itertools.chain:
        # (source of iterators, active iterator): only the active one is asked
        active = [r for r in gc.get_referents(iterator) if hasattr(type(r), "__next__")]
        return active[-1] if len(active) > 1 else None
    sources = [r for r in gc.get_referents(iterator) if hasattr(type(r), "__next__")]
    return sources[0] if len(sources) == 1 else None


def returns_item(iterator: Any, code: CodeType) -> bool:
    """Tell whether the item that ``iterator`` gives is what the function of ``code`` returns."""
    if type(iterator) in (map, itertools.starmap):
        return any(code_of(referent) is code for referent in gc.get_referents(iterator))
    method = find_static(type(iterator), "__next__")
    return method is not None and code_of(method) is code


def mapped_by(iterator: Any) -> Any:
    """Return the function of a ``map`` of one iterator, ``None`` for anything else."""
    if type(iterator) is not map:
        return None
    parts: tuple[Any, ...] = tuple(iterator.__reduce__()[1])
    return parts[0] if len(parts) == 2 else None


def may_run_again(function: Any, arguments: Arguments, generator: Any) -> bool:
    """Tell whether a C call that consumes ``generator`` may be executed once more.

    ``any`` and ``all`` keep nothing between items; ``list.extend`` and its like keep what they
    have in an object that everybody can reach.
    """
    if function in (any, all):
        return len(arguments.positional) == 1 and reaches(arguments.positional[0], generator)
    grown = grown_by(function, arguments)
    if grown is not None:
        return reaches(grown[2], generator)
    if function is next and arguments.positional:
        return reaches(arguments.positional[0], generator)
    return False


def grown_by(function: Any, arguments: Arguments) -> tuple[Any, str, Any] | None:
    """Return what a C call puts items into, its method's name (or ""), and the iterator."""
    given = arguments.positional
    if function is _count_elements and len(given) == 2:
        return given[0], "", given[1]
    owner = getattr(function, "__self__", None) if type(function) is BuiltinFunctionType else None
    if type(function) is MethodDescriptorType and given:
        owner, given = given[0], given[1:]
        if find_static(type(owner), function.__name__) is not function:
            return None
    name = getattr(function, "__name__", "")
    if len(given) != 1 or arguments.keywords or (type(owner), name) not in _GROWING:
        return None
    return owner, name, given[0]


_GROWING = frozenset((
    (list, "extend"), (deque, "extend"), (deque, "extendleft"), (set, "update"), (dict, "update"),
    (io.TextIOWrapper, "writelines"), (io.BufferedWriter, "writelines"),
    (io.StringIO, "writelines"), (io.BytesIO, "writelines"),
))  # fmt: skip
"""Methods that take items one by one from an iterator and keep nothing else in between."""
