"""Every name in a store, and the limits a reader accepts.

Takes run ids, numbers and epochs; gives paths. Keeps: nothing that was read from a file becomes a
path unless it matches a pattern here.

Source:
    ``docs/reference/store-format.md`` sections 3 and 6.
"""

from __future__ import annotations

import re
from os import urandom as _urandom
from os.path import join as _join

FORMAT = 1

STORE_RECORD = "dartslurm-store.json"
RUNS = "runs"
RUN_RECORD = "run.json"
FINISHED = "finished.json"
RESERVE = "reserve"
INDEX = "index"
PRUNED = "pruned.json"
PRUNING = "pruning"
EPOCHS = "epochs"
VERSIONS = "versions"
PACKS = "packs"

RESERVE_BYTES = 64 << 10
INLINE_BYTES = (1 << 20) + (256 << 10)
"""Room for one chunk of an array and the object graph: the smallest change makes one file, and
needs two syncs instead of four. More would be more that pruning cannot free of a file."""
BULK_BYTES = 32 << 20
"""From here on a pack does not go through the page cache; below, setting that up costs more."""
PAGE_BYTES = 4096
RECORD_LIMIT_BYTES = 16 << 20
BODY_LIMIT_BYTES = 256 << 20
CHUNK_LIMIT_BYTES = 1 << 30
PRUNED_LIMIT = 1 << 24

_RUN_ID = re.compile(r"r-[0-9a-f]{8}")
_NUMBER = re.compile(r"[0-9]{10}")
_PACK = re.compile(r"[0-9]{10}-[0-9]{10}-[0-9a-f]{16}")
_DRAFT = re.compile(r"\.([0-9]{10})-([0-9a-f]{16})\.tmp")


def new_run_id() -> str:
    """Make up a run's name; random, so no two hosts need to agree."""
    return f"r-{_urandom(4).hex()}"


def is_run_id(name: str) -> bool:
    """Tell whether a name can be a run's folder."""
    return _RUN_ID.fullmatch(name) is not None


def is_pack(name: str) -> bool:
    """Tell whether a name can be a pack."""
    return _PACK.fullmatch(name) is not None


def number_name(number: int) -> str:
    """Name a version or an epoch."""
    return f"{number:010d}"


def parse_number(name: str) -> int | None:
    """Read a version's or an epoch's number from its name; ``None`` for any other name."""
    return int(name) if _NUMBER.fullmatch(name) else None


def new_pack(number: int, epoch: int) -> str:
    """Make up the name of a pack that is written for a version by a writer."""
    return f"{number:010d}-{epoch:010d}-{_urandom(8).hex()}"


def parse_pack(name: str) -> tuple[int, int] | None:
    """Read the number aimed at and the epoch from a pack's name."""
    return (int(name[:10]), int(name[11:21])) if is_pack(name) else None


def new_draft(epoch: int) -> str:
    """Make up the name of a version file that is not visible yet."""
    return f".{epoch:010d}-{_urandom(8).hex()}.tmp"


def parse_draft(name: str) -> int | None:
    """Read the epoch from a draft's name."""
    found = _DRAFT.fullmatch(name)
    return int(found[1]) if found else None


def version_path(run_path: str, number: int) -> str:
    """Place of a version file."""
    return _join(run_path, VERSIONS, number_name(number))


def epoch_path(run_path: str, epoch: int) -> str:
    """Place of the claim of an epoch."""
    return _join(run_path, EPOCHS, number_name(epoch))


def pack_path(run_path: str, name: str) -> str:
    """Place of a pack."""
    return _join(run_path, PACKS, name)


def container_path(run_path: str, container: str | int) -> str:
    """Place of a file that holds chunks: a pack by name, a version file by number."""
    if isinstance(container, int):
        return version_path(run_path, container)
    return pack_path(run_path, container)
