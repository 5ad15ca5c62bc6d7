"""Placeholders for what could not travel, and builders that survive meeting one.

A `Lost` object raises a clear error when the program uses it, not before. When anything of a graph
was refused, the graph is pickled again with *guarded* reductions: an object that cannot be rebuilt
because one of its parts is lost is lost itself, with the same reason, and the load goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from dartslurm.errors import UncapturableError
from dartslurm.state.contract import reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.contract import Reduction, Writer


class Lost:
    """Stands for an object that could not travel; any use of it is a clear error."""

    __slots__ = ("__dict__", "__weakref__")
    __hash__ = object.__hash__  # it may be a key; looking it up compares by identity first

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__dict__"):
            return object.__getattribute__(self, name)
        return _touched(self)

    def __repr__(self) -> str:
        return f"<lost {_what(self)}: {_fact(self, 'reason')}>"


def _fact(lost: Lost, name: str) -> str:
    return str(object.__getattribute__(lost, "__dict__").get(name, ""))


def reason_of(lost: Lost) -> str:
    """Return why it was lost."""
    return _fact(lost, "reason")


def _what(lost: Lost) -> str:
    what, path = _fact(lost, "what"), _fact(lost, "path")
    return f"{path}, a {what}" if path else what


def _touched(self: Lost, *_: Any, **__: Any) -> NoReturn:
    raise UncapturableError(
        f"{_what(self)}, was lost when the program was resumed ({_fact(self, 'reason')})",
        remedy="open it again after resuming, or keep it out of long-lived variables",
    )


_BINARY = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
_OTHERS = """
call iter next reversed enter exit await aiter anext aenter aexit len length_hint contains
getitem setitem delitem missing bool int float complex index bytes format str fspath
neg pos abs invert round trunc floor ceil lt le eq ne gt ge dir
setattr delattr reduce reduce_ex copy deepcopy getstate instancecheck subclasscheck
buffer release_buffer
"""
for _name in _OTHERS.split():
    setattr(Lost, f"__{_name}__", _touched)
for _name in _BINARY.split():
    for _prefix in ("", "r", "i"):
        setattr(Lost, f"__{_prefix}{_name}__", _touched)


def make_lost(what: str, reason: str, number: int = -1) -> Lost:
    """Rebuild a placeholder; ``number`` is its row in the ledger, which has the path."""
    lost = Lost()
    path = reader().lost_path(number) if number >= 0 else ""
    object.__getattribute__(lost, "__dict__").update(what=what, reason=reason, path=path)
    return lost


def become_lost(obj: Any, what: str, reason: str) -> Lost:
    """Turn an object into a placeholder where it is, if its layout allows; else make one."""
    lost = make_lost(what, reason)
    try:
        object.__setattr__(obj, "__class__", Lost)
        facts = object.__getattribute__(obj, "__dict__")
        facts.clear()
        facts.update(object.__getattribute__(lost, "__dict__"))
    except Exception:  # a class written in C, or one with slots
        return lost
    return cast("Lost", obj)


def reduce_lost(lost: Lost, writer: Writer) -> Reduction:
    """Reduce what an earlier resume has lost: it stays lost, for the same reason."""
    return writer.refuse(lost, _fact(lost, "reason"), _fact(lost, "what"))


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
