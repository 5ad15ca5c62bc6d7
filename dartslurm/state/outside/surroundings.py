"""Everything outside the object graph, in the order in which it is taken and given back.

`collect_plain` gives JSON for the version's metadata: what must be set before anything is imported
or loaded. `collect` gives objects that are pickled with the root: what is set afterwards. A matter
that fails is left out and named; it never stops a capture or a resume.
"""

from __future__ import annotations

import importlib
from typing import Any

from dartslurm.errors import NotYetError

_AFTER = (
    "registrations", "generators_of_numbers", "libraries", "warning_filters", "log_setup",
    "signals", "exits", "interpreter_hooks", "context_variables", "module_changes",
    "settings", "standard_library", "clocks", "event_loops", "thread_names",
)  # fmt: skip


def watch() -> None:
    """Listen from the program's first line on: to ``atexit``, to imports, to what builtins were."""
    _matter("environment").watch()
    _matter("interpreter_hooks")
    _matter("context_variables").watch()
    _matter("descriptors").watch()
    _matter("exits").watch()
    _matter("module_changes").watch()
    _matter("limits").watch()
    _matter("standard_library").watch()


def load() -> None:
    """Import what is needed later, now."""
    for name in (*_AFTER, "process", "environment", "standard_input", "limits", "descriptors"):
        _matter(name)


def forget() -> None:
    """Let go of everything of the program's: it has ended."""
    _matter("exits").forget()
    _matter("module_changes").forget()


def collect_plain() -> dict[str, Any]:
    """Return working directory, arguments, search path, environment and so on, as plain JSON."""
    return {
        **_matter("process").collect(),
        "environment": _matter("environment").collect(),
        "standard_input": _matter("standard_input").collect(),
        "limits": _matter("limits").collect(),
        "descriptors": _matter("descriptors").collect(),
    }


def restore_before(plain: dict[str, Any]) -> list[str]:
    """Set what `collect_plain` found, before anything is imported; return what is lost."""
    _matter("process").restore(plain)
    _matter("limits").restore(plain.get("limits", {}))
    notes: list[str] = _matter("descriptors").restore(plain.get("descriptors"))
    notes += _matter("environment").restore(plain["environment"])
    notes += _matter("standard_input").restore(plain.get("standard_input"))
    return notes


def collect() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the state of everything else, to be pickled together with the root.

    Returns:
        The state, and a row for the ledger for each matter that could not be taken, tried twice.
    """
    found: dict[str, Any] = {}
    lost: list[dict[str, Any]] = []
    for name in _AFTER:
        try:
            found[name] = _twice(name, "collect")
        except NotYetError:
            raise
        except Exception as error:
            reason, path = f"{type(error).__name__}: {error}", f"outside.{name}"
            lost.append({"path": path, "type": "setting", "reason": reason, "lost": True})
    return found, lost


def _twice(name: str, act: str, *arguments: Any) -> Any:
    try:
        return getattr(_matter(name), act)(*arguments)
    except NotYetError:
        raise
    except Exception:  # memory may be short for a moment
        return getattr(_matter(name), act)(*arguments)


def restore_after(found: dict[str, Any]) -> list[str]:
    """Set what `collect` found, last before the program goes on; return what failed."""
    failed = []
    for name in _AFTER:
        if name in found:
            try:
                _twice(name, "restore", found[name])
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}")
    return failed


def _matter(name: str) -> Any:
    return importlib.import_module(f"{__package__}.{name}")
