"""What the program has told us about types of its own; see `registered`."""

from __future__ import annotations

from typing import Any

from dartslurm.state.kinds.registered import by_program, register


def collect() -> list[tuple[type, Any, Any]]:
    """Return the program's registrations."""
    return by_program()


def restore(found: list[tuple[type, Any, Any]]) -> None:
    """Register them in this process."""
    for row in found:
        register(*row)
