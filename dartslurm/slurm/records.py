"""Small JSON records in a job's folder.

Takes a path and a plain dictionary; gives it back, or ``None``. Keeps: a record is replaced whole
or made once; one that is missing or torn reads as ``None``. Imported in the user's process too,
so it needs nothing but ``json`` and the door to the disk.
"""

from __future__ import annotations

import errno
import json
from typing import Any

from dartslurm import disk
from dartslurm.errors import StoreError

_LIMIT_BYTES = 16 << 20


def read_json(path: str) -> dict[str, Any] | None:
    """Read a small record; ``None`` if it is missing or not readable as one."""
    content = disk.read_file(path, _LIMIT_BYTES)
    try:
        found = json.loads(content) if content else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def write_json(path: str, record: dict[str, Any]) -> None:
    """Put a small record in place of the old one."""
    disk.replace_file(path, json.dumps(record, indent=1).encode())


def write_once(path: str, record: dict[str, Any]) -> bool:
    """Make a record that nobody has made yet; ``False`` if it exists."""
    try:
        disk.write_new(path, [json.dumps(record, indent=1).encode()])
    except StoreError as taken:
        if taken.errno == errno.EEXIST:
            return False
        raise
    return True
