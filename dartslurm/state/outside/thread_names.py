"""The counters that name threads and pools: ``Thread-7``, ``ThreadPoolExecutor-2_0``."""

from __future__ import annotations

import itertools
import re
import sys
from typing import Any

_NEXT = re.compile(r"count\((\d+)\)")


def _counters() -> list[tuple[str, Any]]:
    """Return where the counters are: the key, and the holder of ``_counter``."""
    found = [("threads", sys.modules.get("threading"))]
    pools = sys.modules.get("concurrent.futures.thread")
    found.append(("pools", getattr(pools, "ThreadPoolExecutor", None)))
    return [(key, holder) for key, holder in found if hasattr(holder, "_counter")]


def collect() -> dict[str, int]:
    """Return the next number of each counter."""
    texts = {key: repr(holder._counter.__self__) for key, holder in _counters()}
    return {key: int(m.group(1)) for key, text in texts.items() if (m := _NEXT.fullmatch(text))}


def restore(found: dict[str, int]) -> None:
    """Let them go on counting."""
    for key, holder in _counters():
        if key in found:
            holder._counter = itertools.count(found[key]).__next__
