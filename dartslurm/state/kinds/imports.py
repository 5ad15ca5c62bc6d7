"""What an import in progress holds: the lock of the module that is being made."""

from __future__ import annotations

import _frozen_importlib
import _thread
from typing import Any

from dartslurm.state.contract import Reduction, Writer, veto

_MODULE_LOCK: Any = _frozen_importlib._ModuleLock  # type: ignore[attr-defined]

RECREATED = True


def reduce_module_lock(lock: Any, _writer: Writer) -> Reduction:
    """Reduce the lock of a module, held by the thread that goes on or by none."""
    if lock.owner not in (None, _thread.get_ident()):
        veto("another thread imports a module", lambda: lock.owner is not None)
    return make_module_lock, (lock.name, lock.count if type(lock.count) is int else len(lock.count))


def make_module_lock(name: str, count: int) -> Any:
    """Rebuild the lock of a module, held as often as it was."""
    lock = _frozen_importlib._get_module_lock(name)  # type: ignore[attr-defined]
    for _ in range(count):
        lock.acquire()
    return lock


REDUCERS: dict[type, Any] = {_MODULE_LOCK: reduce_module_lock}
