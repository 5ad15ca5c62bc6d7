"""Where streams are cut, so that what is inserted in one place moves no other cut.

Takes the bytes of a stream; gives spans. A cut keeps the few bytes that follow it, its *anchor*,
and is looked for in the next version where the shift so far lets expect it, then in its
neighbourhood. So chunks keep their content when others grow or shrink. A wrong match (bytes that
repeat) is only a cut in another place.
"""

from __future__ import annotations

CHUNK_BYTES = 1 << 16
"""Between cuts in small streams; in larger ones more, so that there are some thousands at most."""
_HEAD_BYTES = 1 << 12
"""The first chunk: counts stand at the beginning of a stream and change most often."""
_MOST_CHUNKS = 4096
_ANCHOR_BYTES = 32
_REACH_BYTES = 1 << 16
_FAR_SEARCHES = 8
"""Searches through all the rest, for one version, after a cut was not found nearby."""


class Cuts:
    """The cuts of the streams of one run, from version to version."""

    def __init__(self) -> None:
        self._anchors: dict[str, list[tuple[int, bytes]]] = {}

    def spans(self, name: str, data: bytes) -> list[tuple[int, int]]:
        """Cut a stream; give offset and length of each chunk.

        Units:
            Bytes.
        """
        if not data:
            return []
        step = max(CHUNK_BYTES, len(data) // _MOST_CHUNKS)
        starts = _fill(_found(data, self._anchors.get(name, [])), len(data), step)
        self._anchors[name] = [(at, data[at : at + _ANCHOR_BYTES]) for at in starts[1:]]
        ends = [*starts[1:], len(data)]
        return [(start, end - start) for start, end in zip(starts, ends, strict=True)]

    def keep(self, names: set[str]) -> None:
        """Forget the streams that are no more."""
        for name in self._anchors.keys() - names:
            del self._anchors[name]


def _found(data: bytes, anchors: list[tuple[int, bytes]]) -> list[int]:
    """Return where the anchors lie now, in order."""
    starts: list[int] = []
    last = shift = missed = 0
    searches = _FAR_SEARCHES
    for position, anchor in anchors:
        at = position + shift
        if at <= last or data[at : at + _ANCHOR_BYTES] != anchor:
            far = missed >= 2 and searches > 0
            searches -= far
            end = len(data) if far else at + _REACH_BYTES
            at = data.find(anchor, max(last + 1, 0 if far else at - _REACH_BYTES), max(end, 0))
            if at < 0:
                missed += 1
                if missed > _FAR_SEARCHES and not searches:
                    break
                continue
            shift, missed = at - position, 0
        starts.append(at)
        last = at
    return starts


def _fill(found: list[int], length: int, step: int) -> list[int]:
    """Add cuts where they are too far apart, and drop those that are too close."""
    starts = [0]
    for at in [*found, length]:
        first = _HEAD_BYTES if len(starts) == 1 else step
        if at - starts[-1] < min(step // 8, _HEAD_BYTES):
            continue
        while at - starts[-1] >= 2 * first:
            starts.append(starts[-1] + first)
            first = step
        if at < length:
            starts.append(at)
    return starts
