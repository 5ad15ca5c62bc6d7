"""Everything outside the object graph, in the order in which it is taken and given back.

`collect_plain` gives JSON for the version's metadata: what must be set before anything is imported
or loaded. `collect` gives objects that are pickled with the root: what is set afterwards. A matter
that fails is left out and named; it never stops a capture or a resume.
"""

from __future__ import annotations

import importlib
from typing import Any

_AFTER = (
    "registrations", "generators_of_numbers", "libraries", "warning_filters", "log_setup",
    "signals", "exits", "interpreter_hooks", "context_variables", "module_changes",
    "clocks", "event_loops",
)  # fmt: skip


def watch() -> None:
    """Listen from the program's first line on: to ``atexit``, to imports, to what builtins were."""
    _matter("interpreter_hooks")
    _matter("context_variables").watch()
    _matter("exits").watch()
    _matter("module_changes").watch()


def forget() -> None:
    """Let go of everything of the program's: it has ended."""
    _matter("exits").forget()


def collect_plain() -> dict[str, Any]:
    """Return working directory, arguments, search path, environment and limits, as plain JSON."""
    return _matter("process").collect()  # type: ignore[no-any-return]


def restore_before(plain: dict[str, Any]) -> None:
    """Set what `collect_plain` found; call this first in the new process."""
    _matter("process").restore(plain)


def collect() -> dict[str, Any]:
    """Return the state of everything else, to be pickled together with the root."""
    found: dict[str, Any] = {}
    for name in _AFTER:
        try:
            found[name] = _matter(name).collect()
        except Exception:
            continue
    return found


def restore_after(found: dict[str, Any]) -> list[str]:
    """Set what `collect` found, last before the program goes on; return what failed."""
    failed = []
    for name in _AFTER:
        if name in found:
            try:
                _matter(name).restore(found[name])
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}")
    return failed


def _matter(name: str) -> Any:
    return importlib.import_module(f"{__package__}.{name}")
