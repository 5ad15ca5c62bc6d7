"""The append-only log of what happened to a run.

Takes an event name and plain values; gives one JSON line a call, each with the time (UTC seconds),
the process, and last a checksum of the text before it. Keeps: a line is written by one append and
never changed; a damaged one is never believed, because lengths of the program's files stand here;
and writing never raises, because a log that fails must not disturb the program.
"""

from __future__ import annotations

import json
from os import getpid
from time import time
from typing import Any

from xxhash import xxh3_64_hexdigest as _xxh3_64_hexdigest

from dartslurm import disk
from dartslurm.errors import DartError

_dumps = json.dumps
_loads = json.loads
_LIMIT_BYTES = 256 << 20
_END_BYTES = 1 << 16
_SUM = b', "sum": "'


class Journal:
    """The journal of one run, at a path."""

    def __init__(self, path: str) -> None:
        self.path = path

    def write(self, event: str, **fields: object) -> None:
        """Add one line; whatever goes wrong is swallowed.

        Durability:
            None: the line survives the process, not the node.
        """
        try:
            row = {"time_utc": round(time(), 3), "pid": getpid(), "event": event, **fields}
            disk.append(self.path, _seal(_dumps(row, default=str).encode()))
        except Exception:  # a guest's log never breaks its host
            pass

    def read(self) -> list[dict[str, Any]]:
        """Give every whole line, oldest first; torn or foreign lines are left out."""
        try:
            return _rows(disk.read_file(self.path, _LIMIT_BYTES) or b"")
        except DartError:
            return []

    def newest(self, event: str) -> dict[str, Any] | None:
        """Give the newest line of that event, if it is among the last ones."""
        try:
            found = _rows(disk.read_end(self.path, _END_BYTES))
        except DartError:
            return None
        return next((row for row in reversed(found) if row["event"] == event), None)


def _rows(content: bytes) -> list[dict[str, Any]]:
    rows = []
    for line in content.split(b"\n"):
        text = _unseal(line)
        try:
            row = _loads(text) if text else None
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "event" in row:
            rows.append(row)
    return rows


def _seal(text: bytes) -> bytes:
    """Add the checksum as the last field, so that a line stays plain JSON; end the line."""
    return text[:-1] + _SUM + _xxh3_64_hexdigest(text).encode() + b'"}\n'


def _unseal(line: bytes) -> bytes | None:
    """Give the text that was sealed; ``None`` for a torn, damaged or foreign line."""
    head, found, tail = line.rpartition(_SUM)
    text = head + b"}"
    return text if found and tail == _xxh3_64_hexdigest(text).encode() + b'"}' else None
