"""The index: summaries of all versions in one file, so that a list need not open thousands.

Takes summaries; gives them back by number. Keeps: nothing depends on it. It is appended without a
sync, may be torn or lost, and is filled up from the version files by the next writer.

Source:
    ``docs/reference/store-format.md`` section 8.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from os.path import join as _join

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
    text = _dumps(asdict(summary)).encode()
    # A newline first as well: the line before may have been torn by a crash.
    return b"\n" + text + b"\t" + digest(text).hex().encode() + b"\n"


def read_index(run_path: str) -> dict[int, Summary]:
    """Give what the index knows, by number; nothing if it is lost."""
    try:
        content = disk.read_file(_join(run_path, INDEX), _LIMIT_BYTES) or b""
    except DartError:
        return {}
    known: dict[int, Summary] = {}
    for line in content.split(b"\n"):
        text, tab, seal = line.partition(b"\t")
        if not tab or seal != digest(text).hex().encode():
            continue
        try:
            summary = decode_summary(_loads(text))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        known[summary.number] = summary
    return known
