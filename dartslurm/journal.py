"""The append-only log of what happened to a run.

Takes an event name and plain values; gives one JSON line a call, each with the time (UTC seconds)
and the process. Keeps: a line is written by one append and never changed, and writing never
raises, because a log that fails must not disturb the program.
"""

from __future__ import annotations

import json
from os import getpid
from time import time
from typing import Any

from dartslurm import disk
from dartslurm.errors import DartError

_dumps = json.dumps
_loads = json.loads
_LIMIT_BYTES = 256 << 20


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
            disk.append(self.path, _dumps(row, default=str).encode() + b"\n")
        except Exception:  # a guest's log never breaks its host
            pass

    def read(self) -> list[dict[str, Any]]:
        """Give every whole line, oldest first; torn or foreign lines are left out."""
        try:
            content = disk.read_file(self.path, _LIMIT_BYTES) or b""
        except DartError:
            return []
        rows = []
        for line in content.splitlines():
            try:
                row = _loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and "event" in row:
                rows.append(row)
        return rows
