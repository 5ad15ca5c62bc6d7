"""Pillow's images: their pixels, what draws on them or looks at them, and fonts.

An ``Image`` says how to pickle itself, by its pixels; an ``ImageDraw`` or what ``load()`` gave
would then hold another image than the program does. So the C image below them travels, once, and
all that hold it hold it again.

Source:
    ``ImagingDrawObject`` and ``PixelAccessObject``, ``src/_imaging.c`` (Pillow 9 to 13).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds.instances import fill_dict
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import pointer_at, word_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_Image: Any = sys.modules["PIL.Image"]
_sample: Any = _Image.core.new("L", (1, 1))
_Pixels, _Draw = type(_sample), type(_Image.core.draw(_sample, 0))
_Access = type(_sample.pixel_access(0))
_WITH_PALETTE = ("P", "PA")
_IMAGE_AT, _FLAGS_AT = 16, 24
"""Where a drawing, or an access to pixels, has its image, and the word with its one setting."""
_BLEND, _READ_ONLY = 1 << 32, 1
_is_known = bool(word_at(_Image.core.draw(_sample, 1), _FLAGS_AT) & _BLEND)


def reduce_pixels(pixels: Any, _writer: Writer) -> Reduction:
    """Reduce a C image: mode, size, pixels, and the palette if it has one."""
    palette = None
    if pixels.mode in _WITH_PALETTE:
        kind = pixels.getpalettemode()
        palette = kind, pixels.getpalette(kind, kind)
    content = _wrapped(pixels, pixels.mode, pixels.size).tobytes() if all(pixels.size) else b""
    return make_pixels, (pixels.mode, pixels.size, content, palette)


def make_pixels(mode: str, size: tuple[int, int], content: bytes, palette: Any) -> Any:
    """Rebuild a C image."""
    pixels = _Image.core.new(mode, size)
    if palette is not None:
        kind, colours = palette
        pixels.putpalette(kind, kind, colours)
    if content:
        _wrapped(pixels, mode, size).frombytes(content)
    return pixels


def _wrapped(pixels: Any, mode: str, size: tuple[int, int]) -> Any:
    image = _Image.Image()
    image.im, image._mode, image._size = pixels, mode, size
    return image


def reduce_draw(draw: Any, writer: Writer) -> Reduction:
    """Reduce what draws on an image."""
    return _reduce_holder(draw, make_draw, _BLEND, writer)


def reduce_access(access: Any, writer: Writer) -> Reduction:
    """Reduce what reads and writes single pixels."""
    return _reduce_holder(access, make_access, _READ_ONLY, writer)


def _reduce_holder(holder: Any, make: Any, flag: int, writer: Writer) -> Reduction:
    pixels = pointer_at(holder, _IMAGE_AT)
    if type(pixels) is not _Pixels or not _is_known:
        return writer.refuse(holder, "a part of an unknown build of Pillow")
    return make, (pixels, int(bool(word_at(holder, _FLAGS_AT) & flag)))


def make_draw(pixels: Any, blend: int) -> Any:
    """Rebuild what draws on an image."""
    return _Image.core.draw(pixels, blend)


def make_access(pixels: Any, read_only: int) -> Any:
    """Rebuild what reads and writes single pixels."""
    return pixels.pixel_access(read_only)


def claim(cls: type) -> Reducer | None:
    """Take fonts: their own way reads a font that came as a file object past its end."""
    fonts = sys.modules.get("PIL.ImageFont")
    return reduce_font if fonts and issubclass(cls, fonts.FreeTypeFont) else None


def reduce_font(font: Any, writer: Writer) -> Reduction:
    """Reduce a font: what it was opened with, and the bytes that were read then."""
    namespace = dict(dict_door(type(font)).__get__(font))
    namespace.pop("font", None)
    content = namespace.get("font_bytes")
    place = "" if content is not None else os.fspath(font.path)
    writer.defer(fill_font, font, (namespace, place, content))
    return object.__new__, (type(font),)


def fill_font(font: Any, state: tuple[dict[str, Any], str, bytes | None]) -> None:
    """Give a font its attributes, and open it again."""
    namespace, place, content = state
    fill_dict(font, namespace)
    given = () if content is None else (content,)
    font.font = sys.modules["PIL.ImageFont"].core.getfont(
        place, font.size, font.index, font.encoding, *given, layout_engine=font.layout_engine
    )


REDUCERS: dict[type, Any] = {
    _Pixels: reduce_pixels,
    _Draw: reduce_draw,
    _Access: reduce_access,
}
