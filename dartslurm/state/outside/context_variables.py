"""The values of context variables in the thread that goes on, and decimal's context."""

from __future__ import annotations

from typing import Any

from dartslurm.interpreter import fields

_ELSEWHERE = frozenset(("decimal_context", "numpy.ufunc.extobj"))
"""Variables that C code holds; decimal's is here by its own call, numpy's in `libraries`."""


def watch() -> None:
    """See to it that the thread has a context of its own, below all that are entered."""
    fields.current_contexts()


def collect() -> dict[str, Any]:
    """Return variables with their values."""
    own = fields.current_contexts()[-1]
    decimals = [value for variable, value in own.items() if variable.name == "decimal_context"]
    return {
        "variables": [
            (variable, value)
            for variable, value in own.items()
            if variable.name not in _ELSEWHERE and type(value).__name__ != "PyCapsule"
        ],
        "decimal": decimals[0] if decimals else None,  # asking decimal would make one
    }


def restore(found: dict[str, Any]) -> None:
    """Set them again."""
    watch()
    for variable, value in found["variables"]:
        variable.set(value)
    if found["decimal"] is not None:
        import decimal

        decimal.setcontext(found["decimal"])
