"""The values of context variables in the thread that goes on, and decimal's context."""

from __future__ import annotations

import contextvars
import sys
from typing import Any

_ELSEWHERE = frozenset(("decimal_context", "numpy.ufunc.extobj"))
"""Variables that C code holds; decimal's is here by its own call, numpy's in `libraries`."""


def collect() -> dict[str, Any]:
    """Return variables with their values."""
    decimal = sys.modules.get("decimal")
    return {
        "variables": [
            (variable, value)
            for variable, value in contextvars.copy_context().items()
            if variable.name not in _ELSEWHERE and type(value).__name__ != "PyCapsule"
        ],
        "decimal": decimal.getcontext() if decimal is not None else None,
    }


def restore(found: dict[str, Any]) -> None:
    """Set them again."""
    for variable, value in found["variables"]:
        variable.set(value)
    if found["decimal"] is not None:
        import decimal

        decimal.setcontext(found["decimal"])
