"""Arrays that an extension type shares with others, though its own reduction copies them.

A compiled class (Cython's) that keeps a typed memoryview of an array somebody else holds often
reduces to *copies*: ``return cls, (np.array(self.design), …)``. Loaded again, the class looks at
other memory than its owner writes to, and computes with stale numbers without a word. A Kalman
filter whose model updates its matrices in place does.

So the copies in a reduction are replaced by the arrays themselves where it is certain which they
are: in a state, an entry under the name of an attribute that shows the same values; among the
arguments, an array that a clone made from these very arguments shows as an attribute. The clone is
made once per class, and only of arrays and plain values. Where anything is unlike, the copy stays.
"""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

import numpy as np

from dartslurm.state.kinds.arrays import array_behind

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction

_DOORS = (GetSetDescriptorType, MemberDescriptorType)
_PLAIN = (int, float, bool, complex, str, bytes, type(None))

_shown_by: dict[type, dict[int, str]] = {}
"""For each class: the attribute that shows its constructor's argument, by position."""


def keep_shared(obj: Any, reduction: Reduction) -> Reduction:
    """Return ``reduction`` with the arrays that ``obj`` shows instead of copies of them."""
    if type(reduction) is not tuple or len(reduction) < 2:
        return reduction
    cls, arguments, state = reduction[0], reduction[1], reduction[2:3]
    if state and type(state[0]) is dict and np.ndarray in map(type, state[0].values()):
        state = ({key: _shared(obj, key, value) for key, value in state[0].items()},)
    if cls is type(obj) and np.ndarray in map(type, arguments):
        names = _names(cls, arguments)
        arguments = tuple(
            _shared(obj, names.get(index), value) for index, value in enumerate(arguments)
        )
    return (cls, arguments, *state, *reduction[3:])


def _names(cls: Any, arguments: tuple[Any, ...]) -> dict[int, str]:
    """Return which attribute of a new ``cls`` shows which of its arguments."""
    found = _shown_by.get(cls)
    if found is None:
        found = _shown_by[cls] = {}
        if all(type(value) is np.ndarray or isinstance(value, _PLAIN) for value in arguments):
            clone = cls(*arguments)
            for name in _attributes(cls):
                behind = array_behind(_look(clone, name))
                for index, value in enumerate(arguments):
                    if behind is value and type(value) is np.ndarray:
                        found[index] = name
    return found


def _attributes(cls: Any) -> list[str]:
    return [
        name
        for holder in cls.__mro__[:-1]
        for name, door in vars(holder).items()
        if isinstance(door, _DOORS)
    ]


def _look(obj: Any, name: str) -> Any:
    """Return what a C attribute shows: a memoryview, or ``None`` where it shows none."""
    for holder in type(obj).__mro__[:-1]:
        door = vars(holder).get(name)
        if isinstance(door, _DOORS):
            try:
                shown = door.__get__(obj)
            except AttributeError:  # not set yet
                return None
            return shown if type(shown).__name__ in ("_memoryviewslice", "memoryview") else None
    return None


def _shared(obj: Any, name: Any, copy: Any) -> Any:
    """Return the array that ``obj.name`` shows if ``copy`` is a copy of it, else ``copy``."""
    if type(copy) is not np.ndarray or type(name) is not str:
        return copy
    view = _look(obj, name)
    if view is None or array_behind(view) is None:
        return copy
    found = np.asarray(view)
    alike = (found.dtype, found.shape, found.strides) == (copy.dtype, copy.shape, copy.strides)
    return found if alike and found.tobytes("A") == copy.tobytes("A") else copy
