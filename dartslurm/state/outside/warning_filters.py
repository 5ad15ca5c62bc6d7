"""Filters of ``warnings``, and what was shown once already."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def collect() -> dict[str, Any]:
    """Return the filters and the registries of the imported modules."""
    return {
        "filters": list(warnings.filters),
        "once": dict(getattr(warnings, "onceregistry", {})),
        "default": getattr(warnings, "defaultaction", "default"),
        "shown": _shown(),
    }


def _shown() -> dict[str, list[Any]]:
    """Registries of modules that travel by import; those of the program travel with it."""
    found = {}
    for name, module in list(sys.modules.items()):
        registry = getattr(module, "__dict__", {}).get("__warningregistry__")
        if registry:
            found[name] = [key for key in registry if key != "version"]
    return found


def restore(found: dict[str, Any]) -> None:
    """Set the filters; mark as shown what was shown."""
    warnings.filters[:] = found["filters"]  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]
    once = getattr(warnings, "onceregistry", None)
    if once is not None:
        once.update(found["once"])
    warnings.defaultaction = found["default"]  # type: ignore[attr-defined]
    version = _version()
    for name, keys in found["shown"].items():
        module = sys.modules.get(name)
        if module is not None:
            registry = module.__dict__.setdefault("__warningregistry__", {})
            registry.update(dict.fromkeys(keys, True))
            registry["version"] = version


def _version() -> int:
    """Return the version that a registry must carry to be believed."""
    registry: dict[Any, Any] = {}
    warnings.warn_explicit("version", ImportWarning, "dart", 1, registry=registry)
    found: int = registry.get("version", 0)
    return found
