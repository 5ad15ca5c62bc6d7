"""Standard input from a file: read on where the program had read to.

A new process is given the file from its beginning, or nothing at all. What Python had read ahead
counts as not read. A pipe or a terminal has no position: the lines that were read are not
there again, and the note at resume says so.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any

from dartslurm import belongings
from dartslurm.interpreter.textio import tell


def collect() -> dict[str, Any] | None:
    """Return the file and the position in it; ``None`` when there is neither file nor pipe."""
    try:
        found = os.fstat(0)
    except OSError:
        return None
    if stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode):
        return {"pipe": True}
    if not stat.S_ISREG(found.st_mode):
        return None
    stream = sys.__stdin__
    try:
        position = os.lseek(0, 0, os.SEEK_CUR) if stream is None or stream.closed else tell(stream)
    except (OSError, ValueError):
        return None
    return {"path": os.readlink("/proc/self/fd/0"), "position": position}


def restore(found: dict[str, Any] | None) -> list[str]:
    """Open it there again, by the same descriptor; call this before the program's objects load."""
    if found is None:
        return []
    if "pipe" in found:
        return ["standard input was a pipe: what was read from it is not there again"]
    try:
        belongings.reopen(found["path"], found["position"], 0)
    except OSError as error:
        return [f"standard input cannot be read on: {error}"]
    if sys.stdin is None or not sys.stdin.seekable():  # it was made for a terminal or a pipe
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(  # type: ignore[misc]
            io.BufferedReader(io.FileIO(0, closefd=False)), errors="strict"
        )
    return []
