"""The global generators of random numbers: of ``random``, numpy's legacy one, and torch's."""

from __future__ import annotations

import sys
from typing import Any


def collect() -> dict[str, Any]:
    """Return the states of those generators whose library is loaded."""
    found: dict[str, Any] = {}
    if "random" in sys.modules:
        found["random"] = sys.modules["random"].getstate()
    if "numpy.random" in sys.modules:
        found["numpy"] = sys.modules["numpy.random"].get_state(legacy=False)
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def restore(found: dict[str, Any]) -> None:
    """Set the states."""
    if "random" in found:
        import random

        random.setstate(found["random"])
    if "numpy" in found:
        import numpy.random

        numpy.random.set_state(found["numpy"])
    if "torch" in found:
        import torch

        torch.set_rng_state(found["torch"])
        if "cuda" in found:
            torch.cuda.set_rng_state_all(found["cuda"])
