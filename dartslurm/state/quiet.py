"""Walk the program's objects without a trace: no collection, no warning, room on the stack."""

from __future__ import annotations

import gc
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 2500
"""Frames that a nested container may take above the program's own before it is walked in parts."""


@contextmanager
def unwarned() -> Iterator[None]:
    """No warning, whatever the program wants to see or to fail by.

    The filters are replaced without telling the ``warnings`` module: a change of version would make
    it forget which warnings of the program it has shown.
    """
    filters = warnings.filters
    try:
        warnings.filters = [("ignore", None, Warning, None, 0)]
        yield
    finally:
        warnings.filters = filters


@contextmanager
def quiet() -> Iterator[None]:
    """No collection, room on the stack, and no warning, while we walk.

    The limit of recursion is ours: the program's may be larger than what the C pickler has stack
    for (on 3.11 it would crash).
    """
    collecting, limit = gc.isenabled(), sys.getrecursionlimit()
    try:
        gc.disable()
        sys.setrecursionlimit(_stack_depth() + _DEPTH)
        with unwarned():
            yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def _stack_depth() -> int:
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth
