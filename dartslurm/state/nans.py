"""Which not-a-number it is: ``np.nan`` comes back as ``np.nan``.

A float has no identity for pickle: it writes the eight bytes. For a NaN that is a loss, for it is
equal to nothing, and what finds it, finds it by identity: ``x is np.nan``, ``np.nan in row``,
``counts[np.nan]``, and the types of pandas, two of which are equal if they hold the same NaN. So
each is written as a persistent identity: by module and name if a library has it, else by number.

The C pickler asks for a persistent identity for every object, plain ones too, which costs a call
into Python for each. Hence the first capture that meets a NaN is done twice, and only from then on
everybody is asked.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.state.modules import find_module, is_module, library_modules, namespace_of

if TYPE_CHECKING:
    from dartslurm.state.graph_pickler import GraphPickler

_WRITTEN = b"G\x7f\xf8\0\0\0\0\0\0", b"G\xff\xf8\0\0\0\0\0\0"
"""How a pickle writes one; the same bytes in other data cost no more than the asking."""

_met: list[type] = []
"""The pickler that asks, once a NaN was met."""


def pickler_class() -> type[GraphPickler]:
    """Return the pickler for this capture."""
    from dartslurm.state.graph_pickler import GraphPickler

    return _met[0] if _met else GraphPickler


def are_unmarked(pickler: GraphPickler) -> bool:
    """Tell whether a stream has a NaN without its identity: then the next pickler marks them."""
    if _met:
        return False
    stream = pickler.file.getvalue()
    if not any(sign in stream for sign in _WRITTEN):
        return False
    _met.append(_marking(type(pickler)))
    return True


def _marking(base: type[GraphPickler]) -> type[GraphPickler]:
    class MarkingPickler(base):  # type: ignore[misc, valid-type]
        """The same pickler, which writes for each NaN which one it is."""

        _names: dict[int, tuple[Any, Any]] | None = None

        def persistent_id(self, obj: Any) -> Any:
            """Return what stands for a NaN; nothing for all else."""
            if type(obj) is not float or obj == obj:
                return None
            if self._names is None:
                self._names = _of_libraries()
            found = self._names.get(id(obj))
            if found is None:
                name = len(self._names), struct.pack(">d", obj)
                found = self._names[id(obj)] = obj, name
            return found[1]

    return MarkingPickler


def _of_libraries() -> dict[int, tuple[float, Any]]:
    """Return, by identity, each NaN that a library has under a name, with the name."""
    found: dict[int, tuple[float, Any]] = {}
    for module in filter(lambda name: is_module(sys.modules.get(name)), library_modules()):
        for name, value in list(namespace_of(sys.modules[module]).items()):
            if type(value) is float and value != value and type(name) is str:
                found.setdefault(id(value), (value, (module, name)))
    return found


class NansAgain:
    """Gives for a persistent identity the NaN, always the same one."""

    def __init__(self) -> None:
        self._found: dict[Any, float] = {}

    def __call__(self, pid: Any) -> float:
        """Return the one that was written with this identity."""
        if pid not in self._found:
            self._found[pid] = self._named(*pid) if type(pid[0]) is str else _made(pid[1])
        return self._found[pid]

    def _named(self, module: str, name: str) -> float:
        holder = find_module(module)
        value = namespace_of(holder).get(name) if is_module(holder) else None
        return value if type(value) is float and value != value else float("nan")


def _made(data: bytes) -> float:
    value: float = struct.unpack(">d", data)[0]
    return value
