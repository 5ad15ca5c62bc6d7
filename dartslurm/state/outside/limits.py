"""What a program asks of the system for its process: limits, priority, processors.

Only what the program itself has changed since its start is set again: everything else belongs to
the node and the job of the new process.
"""

from __future__ import annotations

import os
from typing import Any

_before: dict[str, Any] = {}


def watch() -> None:
    """Remember what the process was given."""
    for name, value in _now().items():
        _before.setdefault(name, value)


def _now() -> dict[str, Any]:
    import resource

    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = list(resource.getrlimit(getattr(resource, name)))
        except (OSError, ValueError):  # a name that this kernel does not know
            continue
    found["nice"] = os.getpriority(os.PRIO_PROCESS, 0)
    found["processors"] = sorted(os.sched_getaffinity(0))
    return found


def collect() -> dict[str, Any]:
    """Return what has changed since the start."""
    return {name: value for name, value in _now().items() if _before.get(name) != value}


def restore(found: dict[str, Any]) -> None:
    """Set it again, as far as this node allows."""
    import resource

    for name, value in found.items():
        try:
            if name == "nice":
                os.setpriority(os.PRIO_PROCESS, 0, value)
            elif name == "processors":
                os.sched_setaffinity(0, value)
            else:
                _, most = resource.getrlimit(getattr(resource, name))
                soft, hard = value
                hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
                resource.setrlimit(getattr(resource, name), (min(soft, hard), hard))
        except (OSError, ValueError):
            continue
    _before.update(dict.fromkeys(found))  # it stays the program's for later versions
