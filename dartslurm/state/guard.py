"""Placeholders for what could not travel, and builders that survive meeting one.

A `Lost` object raises a clear error when the program uses it, not before. When anything of a graph
was refused, the graph is pickled again with *guarded* reductions: an object that cannot be rebuilt
because one of its parts is lost is lost itself, with the same reason, and the load goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from dartslurm.errors import UncapturableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.contract import Reduction


class Lost:
    """Stands for an object that could not travel; any use of it is a clear error."""

    __slots__ = ("__dict__", "__weakref__")

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__dict__", "__reduce_ex__", "__reduce__"):
            return object.__getattribute__(self, name)
        return _touched(self)

    def __repr__(self) -> str:
        return f"<lost {_why(self)}>"


def _why(lost: Lost) -> str:
    found = object.__getattribute__(lost, "__dict__")
    return f"{found.get('what', 'object')}: {found.get('reason', 'it could not be captured')}"


def _touched(self: Lost, *_: Any, **__: Any) -> NoReturn:
    raise UncapturableError(
        f"{_why(self)} was lost when the program was resumed",
        remedy="open it again after resuming, or keep it out of long-lived variables",
    )


_TOUCHES = """
call iter next enter exit len getitem setitem delitem contains bool setattr delattr int float index
lt le gt ge add sub mul truediv matmul await aiter anext
"""
for _name in _TOUCHES.split():
    setattr(Lost, f"__{_name}__", _touched)


def make_lost(what: str, reason: str) -> Lost:
    """Rebuild a placeholder."""
    lost = Lost()
    object.__getattribute__(lost, "__dict__").update(what=what, reason=reason)
    return lost


def guarded(value: tuple[Any, ...]) -> Reduction:
    """Return a reduction whose rebuilding does not fail over a placeholder."""
    if value[0] is make_lost:
        return value
    rest = list(value[2:]) + [None] * (6 - len(value))
    if rest[0] is not None:
        rest[0], rest[3] = (rest[3], rest[0]), set_guarded
    return make_guarded, (value[0], value[1]), *rest


def make_guarded(build: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Rebuild an object, or a placeholder when one of its parts is lost."""
    try:
        return build(*arguments)
    except (UncapturableError, TypeError):
        for part in (build, *arguments):
            if type(part) is Lost:
                return part
        raise


def set_guarded(obj: Any, state: tuple[Any, Any]) -> None:
    """Give an object its state as ``pickle`` does, unless it is lost."""
    setter, value = state
    if type(obj) is Lost:
        return
    if setter is not None:
        setter(obj, value)
    elif hasattr(obj, "__setstate__"):
        obj.__setstate__(value)
    else:
        namespace, slots = value if type(value) is tuple else (value, None)
        obj.__dict__.update(namespace or {})
        for name, item in (slots or {}).items():
            setattr(obj, name, item)
