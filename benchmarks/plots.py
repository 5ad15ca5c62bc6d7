"""Pictures of measurements, as PNG and in one HTML page that needs nothing else.

Without Matplotlib no pictures are drawn, and the page has the tables alone.
"""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto }} img {{ max-width: 100% }}</style>
<h1>{title}</h1>
{body}
</html>
"""


class Curve(NamedTuple):
    """One line of a plot."""

    label: str
    across: list[float]
    up: list[float]


class Bar(NamedTuple):
    """One bar, with its interval."""

    label: str
    value: float
    low: float
    high: float


def _pyplot() -> ModuleType | None:
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    import matplotlib.pyplot

    return matplotlib.pyplot


def curves(path: Path, across: str, shown: list[Curve]) -> bool:
    """Draw lines on logarithmic axes; tell whether there was something to draw with."""
    pyplot = _pyplot()
    if pyplot is None:
        return False
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for curve in shown:
        axes.loglog(curve.across, curve.up, marker="o", label=curve.label)
    first, last = min(shown[0].across), max(shown[0].across)
    least = min(min(curve.up) for curve in shown)
    axes.loglog([first, last], [least, least * last / first], ":", color="grey", label="linear")
    axes.set_xlabel(across)
    axes.set_ylabel("milliseconds, or MB")
    axes.grid(which="both", alpha=0.2)
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def bars(path: Path, across: str, shown: list[Bar]) -> bool:
    """Draw bars with their intervals; tell whether there was something to draw with."""
    pyplot = _pyplot()
    if pyplot is None or not shown:
        return False
    size = (8, 1 + 0.3 * len(shown))
    figure, axes = pyplot.subplots(figsize=size, layout="constrained")
    places = range(len(shown), 0, -1)
    values = [bar.value for bar in shown]
    reach = [[bar.value - bar.low for bar in shown], [bar.high - bar.value for bar in shown]]
    axes.barh(places, values, xerr=reach, capsize=3)
    axes.set_yticks(places, [bar.label for bar in shown])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(across)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def write_page(path: Path, title: str, tables: list[str], pictures: list[Path]) -> None:
    """Write tables and pictures as one page."""
    body = [f"<pre>{html.escape(table)}</pre>" for table in tables]
    for picture in pictures:
        coded = base64.b64encode(picture.read_bytes()).decode()
        body.append(f'<img alt="{html.escape(picture.stem)}" src="data:image/png;base64,{coded}">')
    path.write_text(PAGE.format(title=html.escape(title), body="\n".join(body)))
