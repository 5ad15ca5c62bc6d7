"""Streams in memory: their content, their position, and what they were told about newlines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dartslurm.state.layout import dict_door

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer


def claim(cls: type) -> Reducer | None:
    """Take classes built on the streams in memory."""
    return reduce_stream if issubclass(cls, (io.BytesIO, io.StringIO)) else None


def reduce_stream(stream: Any, writer: Writer) -> Reduction:
    """Reduce a ``BytesIO`` or ``StringIO``."""
    base: Any = io.BytesIO if isinstance(stream, io.BytesIO) else io.StringIO
    known = writer.known(stream)
    if known is not None:
        return known
    door = dict_door(type(stream))
    namespace = door.__get__(stream) if door is not None else None
    if namespace:
        writer.defer(fill_stream, stream, namespace)
    state = None if base.closed.__get__(stream) else _state(base, stream)
    return make_stream, (base, type(stream), state)


def _state(base: Any, stream: Any) -> tuple[Any, ...]:
    """Return content, newline and position, without the attributes."""
    found: tuple[Any, ...] = base.__getstate__(stream)
    return found[:-1]


def make_stream(base: Any, cls: type, state: tuple[Any, ...] | None) -> Any:
    """Rebuild a stream in memory."""
    stream = base.__new__(cls)
    base.__init__(stream)
    if state is None:
        base.close(stream)
    else:
        base.__setstate__(stream, (*state, None))
    return stream


def fill_stream(stream: Any, namespace: dict[str, Any]) -> None:
    """Give a stream its attributes."""
    dict_door(type(stream)).__get__(stream).update(namespace)


REDUCERS: dict[type, Any] = {io.BytesIO: reduce_stream, io.StringIO: reduce_stream}
