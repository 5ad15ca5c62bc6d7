"""Can this interpreter be captured? Asked before anything else of the runtime is imported."""

from __future__ import annotations


def why_not() -> str | None:
    """Return the reason why programs cannot be captured here, or ``None``."""
    from dartslurm.interpreter.layouts import unsupported_reason

    reason = unsupported_reason()
    if reason is not None:
        return reason
    from dartslurm.interpreter.selfcheck import problem

    return problem()
