"""Matplotlib's canvas of pixels, in the middle of a drawing.

The renderer's own reduction keeps its size alone, because a drawing can be made again; not one
that its caller is half-way through. So the C canvas travels with its pixels, and the renderer
around it by its bare layout, with whatever the drawing code has set on it.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_agg: Any = sys.modules["matplotlib.backends._backend_agg"]
_CANVAS: Any = _agg.RendererAgg


def claim(cls: type) -> Reducer | None:
    """Take the canvas."""
    return reduce_canvas if cls is _CANVAS else None


def reduce_canvas(canvas: Any, writer: Writer) -> Reduction:
    """Reduce a canvas: its size, its pixels, and the resolution that only its renderer knows."""
    import numpy as np

    dpi = _resolution(canvas)
    if dpi is None:
        return writer.refuse(canvas, "a canvas of no known renderer")
    pixels = np.array(canvas)
    return make_canvas, (pixels.shape[1], pixels.shape[0], dpi, pixels)


def _resolution(canvas: Any) -> Any:
    for holder in gc.get_referrers(canvas):
        holders = gc.get_referrers(holder) if type(holder) is list else [holder]
        for one in holders:
            namespace = one if type(one) is dict else getattr(one, "__dict__", None)
            if type(namespace) is dict and "_filter_renderers" in namespace:
                return namespace["dpi"]
    return None


def make_canvas(width: int, height: int, dpi: float, pixels: Any) -> Any:
    """Rebuild a canvas."""
    import numpy as np

    canvas = _CANVAS(width, height, dpi)
    np.asarray(canvas)[...] = pixels
    return canvas
