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


_UNHEARD = ("ignore", None, ImportWarning, None, 0)


def _version() -> int:
    """Return the version that a registry must carry to be believed.

    Only a warning tells it. The program's filters may show every warning, or raise it, so one of
    ours stands in front of them; it changes no version, as nobody is told of it.
    """
    registry: dict[Any, Any] = {}
    warnings.filters.insert(0, _UNHEARD)  # type: ignore[attr-defined]
    try:
        warnings.warn_explicit("version", ImportWarning, "dart", 1, registry=registry)
    finally:
        del warnings.filters[0]  # type: ignore[attr-defined]
    found: int = registry.get("version", 0)
    return found
