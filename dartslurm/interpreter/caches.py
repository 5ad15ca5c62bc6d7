"""``functools.lru_cache`` wrappers from inside: their content, counts and function.

Source:
    ``lru_cache_object``, ``Modules/_functoolsmodule.c`` (3.11 to 3.13).
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from dartslurm.interpreter.words import object_at, put_object

CACHED: Any = functools._lru_cache_wrapper
CACHE, KEYWORD_MARK = 72, 112
"""Offsets of the dict, and of the object that separates keywords in a key."""
_HITS, _FUNCTION, _MISSES = 80, 88, 104


class Replay:
    """Stands for a wrapper's function while it is given results that are known."""

    def __init__(self, result: Any = None) -> None:
        self.result = result

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Give the result, whatever is asked."""
        return self.result


def function_of(cached: Any) -> Any:
    """Return the function that a wrapper calls (``__wrapped__`` may be another)."""
    return object_at(id(cached) + _FUNCTION)


def put_function(cached: Any, function: Any) -> None:
    """Exchange a wrapper's function in place."""
    put_object(id(cached) + _FUNCTION, function)


def put_counts(cached: Any, hits: int, misses: int) -> None:
    """Set what ``cache_info`` tells."""
    ctypes.c_ssize_t.from_address(id(cached) + _HITS).value = hits
    ctypes.c_ssize_t.from_address(id(cached) + _MISSES).value = misses


def remember(cached: Any, arguments: Any, keywords: dict[str, Any], result: Any) -> Any:
    """Do what a wrapper does when its function has returned ``result``; return it."""
    function, info = function_of(cached), cached.cache_info()
    put_function(cached, Replay(result))
    try:
        cached(*arguments, **keywords)
    finally:
        put_function(cached, function)
        put_counts(cached, info.hits, info.misses)
    return result
