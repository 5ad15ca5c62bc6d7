"""``functools.lru_cache`` wrappers of the program, with what they remember.

An unbounded cache is a dict that can be read and filled. A bounded one is refilled by calling it
with each key, oldest first, over a function that gives the remembered results; then the real
function is put in its place.
"""

from __future__ import annotations

import functools
import gc
from typing import Any

from dartslurm.errors import InternalError
from dartslurm.interpreter.caches import (
    CACHE,
    CACHED,
    KEYWORD_MARK,
    Replay,
    function_of,
    put_counts,
    put_function,
)
from dartslurm.state.contract import LATE_CACHES, Reduction, Writer, reader
from dartslurm.state.memory import pointer_at


def reduce_cache(cached: Any, writer: Writer) -> Reduction:
    """Reduce a caching wrapper."""
    found = writer.located(cached)
    if found is not None:
        return found
    parameters = cached.cache_parameters()
    info = cached.cache_info()
    entries = _entries(cached, parameters["maxsize"], parameters["typed"])
    function = function_of(cached)
    writer.defer(fill_cache, cached, (function, entries, info.hits, info.misses, cached.__dict__))
    return make_cache, (parameters["maxsize"], parameters["typed"])


def _entries(cached: Any, size: int | None, typed: bool) -> tuple[dict[Any, Any], list[Any]]:
    """Return what can be written into the dict, and what must be called: arguments and result."""
    mark = pointer_at(cached, KEYWORD_MARK)
    cache = pointer_at(cached, CACHE)
    if size is None:
        plain = {} if typed else {k: v for k, v in cache.items() if not _is_marked(k, mark)}
        rest = [item for item in cache.items() if typed or _is_marked(item[0], mark)]
        return plain, [(*_call_of(key, mark, typed), result) for key, result in rest]
    count = cached.cache_info().currsize
    referents = gc.get_referents(cached)
    ends = [i for i, obj in enumerate(referents) if _is_link_type(obj)][:count]
    return {}, [(*_call_of(referents[i - 2], mark, typed), referents[i - 1]) for i in ends]


def _is_marked(key: Any, mark: Any) -> bool:
    return type(key) is tuple and any(part is mark for part in key)


def _is_link_type(obj: Any) -> bool:
    return isinstance(obj, type) and obj.__name__ == "_lru_list_elem"


def make_cache(size: int | None, typed: bool) -> Any:
    """Rebuild an empty caching wrapper around a function that is given later."""
    return functools.lru_cache(size, typed)(Replay())


def fill_cache(cached: Any, state: tuple[Any, ...]) -> None:
    """Give a caching wrapper its function now, and its content once hashes can be computed."""
    function, entries, hits, misses, namespace = state
    replay = function_of(cached)
    if type(replay) is not Replay:
        raise InternalError("functools.lru_cache is not laid out as in CPython 3.11 to 3.13")
    cached.__dict__.clear()
    cached.__dict__.update(namespace)

    def refill() -> None:
        plain, calls = entries
        if plain:
            pointer_at(cached, CACHE).update(plain)
        for arguments, keywords, result in calls:
            replay.result = result
            cached(*arguments, **keywords)
        put_counts(cached, hits, misses)
        put_function(cached, function)

    reader().late(LATE_CACHES, refill)


def _call_of(key: Any, mark: Any, typed: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the call that made a key."""
    if type(key) is not tuple:
        return (key,), {}
    at = next((i for i, part in enumerate(key) if part is mark), None)
    if at is None:
        return (key[: len(key) // 2] if typed else key), {}
    rest = key[at + 1 :]
    if typed:
        rest = rest[: 2 * (len(rest) - at) // 3]
    return key[:at], dict(zip(rest[::2], rest[1::2], strict=True))


REDUCERS: dict[type, Any] = {CACHED: reduce_cache}
