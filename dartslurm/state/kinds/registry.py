"""Which kind a type belongs to: exact types first, then families of classes.

Takes a type; gives its reducer. Kinds of libraries are looked at only when the library is loaded:
the runtime imports none on its own account. What was `registered` for a type wins over ours.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds import registered

if TYPE_CHECKING:
    from types import ModuleType

    from dartslurm.state.contract import Reducer

_ALWAYS = (
    "instances", "functions", "classes", "iterators", "generators", "exceptions", "references",
    "locks", "contexts", "caches", "files", "streams", "small", "typed", "loggers",
    "imports", "folders",
)  # fmt: skip
_WITH_LIBRARY = {
    "numpy": "arrays", "numpy.lib": "elements", "torch": "tensors", "ctypes": "libraries",
    "mmap": "mappings", "_elementtree": "trees",
    "enum": "enums", "_csv": "tables", "hashlib": "digests", "pandas": "frames",
    "_decimal": "decimals", "_datetime": "dates", "_asyncio": "futures", "asyncio": "loops",
    "sqlite3": "databases", "h5py": "hdf5", "matplotlib.backends._backend_agg": "pictures",
    "gzip": "compression", "zipfile": "compression", "_compression": "compression",
    "multiprocessing.queues": "pools", "multiprocessing.pool": "worker_pools",
    "torch.utils.data.dataloader": "loading",
    "subprocess": "processes", "multiprocessing.process": "processes",
    "xgboost.core": "boosting", "lightgbm.basic": "binned",
    "scipy.sparse.linalg._dsolve._superlu": "factors", "PIL._imaging": "images",
    "jax": "devices", "numba.typed.typedlist": "compiled", "pyarrow.lib": "columns",
}  # fmt: skip

_loaded: dict[str, ModuleType] = {}


def _kinds() -> list[ModuleType]:
    there = (kind for library, kind in _WITH_LIBRARY.items() if library in sys.modules)
    names = dict.fromkeys((*_ALWAYS, *there))
    for name in names:
        if name not in _loaded:
            _loaded[name] = importlib.import_module(f"{__package__}.{name}")
    return [_loaded[name] for name in names]


def load_standard() -> None:
    """Load the kinds of the standard library now, whether the program has loaded it or not."""
    for library, kind in _WITH_LIBRARY.items():
        if library.partition(".")[0] in sys.stdlib_module_names:
            importlib.import_module(f"{__package__}.{kind}")
    _kinds()


def exact() -> dict[type, Reducer]:
    """Return the reducers of exact types; the caller may add to the dict."""
    found: dict[type, Reducer] = {}
    for kind in _kinds():
        found.update(getattr(kind, "REDUCERS", {}))
    found.update(registered.reducers())
    return found


def family(cls: type) -> Reducer | None:
    """Return the reducer of the kind whose family ``cls`` belongs to."""
    for kind in _kinds():
        claim = getattr(kind, "claim", None)
        found: Reducer | None = claim(cls) if claim is not None else None
        if found is not None:
            return found
    return None


def asked(name: str) -> list[Any]:
    """Return what the loaded kinds have under a name: see `dartslurm.state.services`."""
    return [vars(kind)[name] for kind in _kinds() if name in vars(kind)]
