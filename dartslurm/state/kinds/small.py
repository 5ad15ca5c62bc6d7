"""Small C types of the standard library that do not say themselves how to be rebuilt."""

from __future__ import annotations

import _json
import _random
import _struct
import functools
import gc
import io
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dartslurm.state.layout import dict_door
from dartslurm.state.memory import address_of, pointer_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_STREAM_BUFFER: Any = type(io.BytesIO().getbuffer().obj)
_SCANNER = ("strict", "object_hook", "object_pairs_hook", "parse_float", "parse_int",
            "parse_constant")  # fmt: skip


def reduce_plain(obj: Any, writer: Writer) -> Reduction:
    """Reduce a value by its own rule, which leads to numbers and texts alone.

    So nothing need be looked for behind it: programs keep thousands of these.
    """
    known: Reduction | None = writer.known(obj)
    return known if known is not None else obj.__reduce__()


def reduce_match(match: re.Match[Any], writer: Writer) -> Reduction:
    """Reduce a match: it is found again at the place where it was."""
    if not isinstance(match.string, (str, bytes)):
        return writer.refuse(match, "a match in a buffer")
    return make_match, (match.re, match.string, match.pos, match.endpos, match.span(), match.regs)


def make_match(
    pattern: re.Pattern[Any], string: Any, position: int, end: int, span: tuple[int, int],
    groups: Any,
) -> Any:  # fmt: skip
    """Rebuild a match."""
    for find in (pattern.match, pattern.fullmatch, pattern.search):
        for start in {position, span[0]}:
            found = find(string, start, end)
            if found is not None and found.regs == groups:
                return found
    return pattern.search(string, span[0], span[1])


def reduce_struct(struct: Any, _writer: Writer) -> Reduction:
    """Reduce a compiled ``struct`` format."""
    return _struct.Struct, (struct.format,)


def reduce_scanner(scanner: Any, _writer: Writer) -> Reduction:
    """Reduce what a ``json.JSONDecoder`` scans with: it was made from the decoder's settings."""
    return make_scanner, tuple(getattr(scanner, name) for name in _SCANNER)


def make_scanner(*settings: Any) -> Any:
    """Rebuild a scanner."""
    make: Any = _json.make_scanner
    return make(SimpleNamespace(**dict(zip(_SCANNER, settings, strict=True))))


def reduce_memoryview(view: memoryview, writer: Writer) -> Reduction:
    """Reduce a memoryview over an object whose memory starts where the object says."""
    try:
        base = view.obj
    except ValueError:
        return make_released, ()
    place = _place(view, base)
    if place is not None:
        return make_memoryview, (base, *place, view.format, view.shape, view.readonly)
    if view.format in ("@", "O") or not view.contiguous:
        return writer.refuse(view, f"a memoryview over {type(base).__name__}")
    writer.note(view, f"memory owned by {type(base).__name__} is now the view's own")
    content = bytearray(view.cast("B"))
    return make_memoryview, (content, 0, view.nbytes, 1, view.format, view.shape, view.readonly)


def _place(view: memoryview, base: Any) -> tuple[int, int, int] | None:
    """Return where the view's bytes begin in ``base``, how many they span, and the step."""
    plain = isinstance(base, (bytes, bytearray, _STREAM_BUFFER))
    if not plain and type(base).__module__ not in ("array", "mmap"):
        return None
    start = address_of(view) - address_of(base)
    if view.c_contiguous:
        return start, view.nbytes, 1
    step, item = (view.strides or (0,))[0], view.itemsize
    if view.ndim != 1 or step % item:
        return None
    back = (len(view) - 1) * abs(step)
    return start - (back if step < 0 else 0), back + item, step // item


def make_memoryview(
    base: Any, offset: int, length: int, step: int, form: str, shape: Any, read_only: bool
) -> memoryview:
    """Rebuild a memoryview over the memory of ``base``."""
    view = memoryview(base)
    whole = view.format == form and view.shape == shape and not offset and step == 1
    if not whole:
        view = view.cast("B")[offset : offset + length]
        if step != 1:
            view = _cast(view, form, (length // _struct.calcsize(form),))[::step]
        elif form != "B" or len(shape) != 1:
            view = _cast(view, form, shape)
    return view.toreadonly() if read_only and not view.readonly else view


def reduce_stream_buffer(buffer: Any, _writer: Writer) -> Reduction:
    """Reduce what stands between a ``BytesIO`` and the views of its memory."""
    stream = next(one for one in gc.get_referents(buffer) if isinstance(one, io.BytesIO))
    return make_stream_buffer, (stream,)


def make_stream_buffer(stream: io.BytesIO) -> Any:
    """Rebuild what stands between a ``BytesIO`` and the views of its memory."""
    return io.BytesIO.getbuffer(stream).obj


def _cast(view: Any, form: str, shape: Any) -> memoryview:
    found: memoryview = view.cast(form, shape)
    return found


def make_released() -> memoryview:
    """Rebuild a memoryview that was released."""
    view = memoryview(b"")
    view.release()
    return view


def reduce_key(key: Any, _writer: Writer) -> Reduction:
    """Reduce what ``functools.cmp_to_key`` makes."""
    compare = pointer_at(key, 16)
    return make_key, (compare, pointer_at(key, 24))


def make_key(compare: Any, obj: Any) -> Any:
    """Rebuild a key of ``functools.cmp_to_key``."""
    maker = functools.cmp_to_key(compare)
    return maker if obj is None else maker(obj)


def reduce_random(generator: Any, writer: Writer) -> Reduction:
    """Reduce a ``random.Random`` without its ``__init__``."""
    known = writer.known(generator)
    if known is not None:
        return known
    door = dict_door(type(generator))
    namespace = door.__get__(generator) if door is not None else None
    writer.defer(fill_random, generator, (_random.Random.getstate(generator), namespace))
    return make_random, (type(generator),)


def make_random(cls: Any) -> Any:
    """Rebuild a generator of random numbers, not seeded."""
    return _random.Random.__new__(cls)


def fill_random(generator: Any, state: tuple[Any, Any]) -> None:
    """Give a generator of random numbers its state."""
    _random.Random.setstate(generator, state[0])
    if state[1]:
        generator.__dict__.update(state[1])


def claim(cls: type) -> Reducer | None:
    """Take ``random.Random`` and what is built on it."""
    return reduce_random if issubclass(cls, _random.Random) else None


REDUCERS: dict[type, Any] = {
    range: reduce_plain,
    re.Match: reduce_match,
    _struct.Struct: reduce_struct,
    memoryview: reduce_memoryview,
    _STREAM_BUFFER: reduce_stream_buffer,
    _json.make_scanner: reduce_scanner,
    type(functools.cmp_to_key(lambda _a, _b: 0)): reduce_key,
}
