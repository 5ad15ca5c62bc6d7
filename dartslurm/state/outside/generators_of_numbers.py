"""The global generators of random numbers: of ``random``, numpy's legacy one, torch's, numba's."""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import Any

_NUMBA = struct.Struct("i624IidI4x")
"""Index, words, whether a normal number is left over, which, and whether it has been seeded.

Source:
    ``rnd_state_t``, ``numba/_random.c``; what numba itself gives is without the number left over.
"""


def collect() -> dict[str, Any]:
    """Return the states of those generators whose library is loaded."""
    found: dict[str, Any] = {}
    if "random" in sys.modules:
        found["random"] = sys.modules["random"].getstate()
    if "numpy.random" in sys.modules:
        found["numpy"] = sys.modules["numpy.random"].get_state(legacy=False)
    found["numba"] = [_read(address) for address in _compiled()]
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
    for address, state in zip(_compiled(), found.get("numba", ()), strict=False):
        ctypes.memmove(address, state, len(state))
    if "torch" in found:
        import torch

        torch.set_rng_state(found["torch"])
        if "cuda" in found:
            torch.cuda.set_rng_state_all(found["cuda"])


def _compiled() -> list[int]:
    """Return where compiled code keeps the states of its own ``numpy.random`` and ``random``."""
    numba = sys.modules.get("numba._helperlib")
    return [] if numba is None else [numba.rnd_get_np_state_ptr(), numba.rnd_get_py_state_ptr()]


def _read(address: int) -> bytes:
    """Return one state as it lies in memory, or nothing where it looks otherwise than known."""
    state = ctypes.string_at(address, _NUMBA.size)
    index, *words = sys.modules["numba._helperlib"].rnd_get_state(address)
    return state if _NUMBA.unpack(state)[:625] == (index, *words[0]) else b""
