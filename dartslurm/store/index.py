"""The index: summaries of all versions in one file, so that a list need not open thousands.

Takes summaries; gives them back by number. Keeps: nothing depends on it. It is appended without a
sync, may be torn or lost, and is filled up from the version files by the next writer.

Source:
    ``docs/reference/store-format.md`` section 8.
"""

from __future__ import annotations

import json
from os.path import join as _join
from typing import Any

from dartslurm import disk
from dartslurm.errors import DartError
from dartslurm.store.chunks import digest
from dartslurm.store.layout import INDEX
from dartslurm.store.manifest import Summary, decode_summary

_dumps = json.dumps
_loads = json.loads
_LIMIT_BYTES = 1 << 30


def append_index(run_path: str, summaries: list[Summary]) -> None:
    """Add lines; a failure is no failure of the commit.

    Durability:
        None.
    """
    try:
        disk.append(_join(run_path, INDEX), b"".join(map(_line, summaries)))
    except DartError:
        pass


def _line(summary: Summary) -> bytes:
    text = _dumps(summary._asdict()).encode()
    # A newline first as well: the line before may have been torn by a crash.
    return b"\n" + text + b"\t" + digest(text).hex().encode() + b"\n"


def read_index(run_path: str) -> dict[int, Summary]:
    """Give what the index knows, by number; nothing if it is lost."""
    try:
        content = disk.read_file(_join(run_path, INDEX), _LIMIT_BYTES) or b""
    except DartError:
        return {}
    texts = []
    for line in content.split(b"\n"):
        text, tab, seal = line.partition(b"\t")
        if tab and seal == digest(text).hex().encode():
            texts.append(text)
    known: dict[int, Summary] = {}
    for body in _bodies(texts):
        try:
            summary = decode_summary(body)
        except (ValueError, TypeError, KeyError):
            continue
        known[summary.number] = summary
    return known


def _bodies(texts: list[bytes]) -> list[Any]:
    """Read all lines at once, which is several times faster; one by one if that fails."""
    try:
        bodies: list[Any] = _loads(b"[" + b",".join(texts) + b"]")
        return bodies
    except (ValueError, RecursionError):
        pass
    found = []
    for text in texts:
        try:
            found.append(_loads(text))
        except (ValueError, RecursionError):
            continue
    return found
