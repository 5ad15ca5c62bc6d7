"""Sets whose order would be lost: their tables travel behind the graph.

Takes the objects that were pickled; gives, for each set that a plain refill would order otherwise,
its table. A set of numbers, strings or tuples of them is compared with its refill; where elements
have a hash of the user's own, the table travels unasked, because comparing would call it.
"""

from __future__ import annotations

import gc
from typing import Any

from dartslurm.interpreter.sets import SetTable, is_plain, read_table, write_table

_SIMPLE = frozenset((int, str, float, bytes, bool, complex, type(None)))


def odd_sets(pickled: Any) -> list[tuple[Any, SetTable]]:
    """Return the sets among ``pickled`` (a pickler's memo) that need their table."""
    candidates = [
        found
        for found in gc.get_objects()
        if type(found) in (set, frozenset) and len(found) > 1 and not _refills(found)
    ]
    if not candidates:
        return []
    known = pickled.copy()
    return [(found, read_table(found)) for found in candidates if id(found) in known]


def _refills(found: Any) -> bool:
    return all(map(_is_simple, found)) and is_plain(found)


def _is_simple(key: Any) -> bool:
    kind = type(key)
    return kind in _SIMPLE or (kind is tuple and all(map(_is_simple, key)))


def lay_out(rows: list[tuple[Any, SetTable]]) -> None:
    """Give sets that were rebuilt the tables they had."""
    for found, table in rows:
        write_table(found, table)
