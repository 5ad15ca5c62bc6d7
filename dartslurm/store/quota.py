"""A quota for a run: old versions are thinned out rather than a new one failing.

Takes limits in bytes and files; removes every second of the older versions, again and again, until
the run keeps to them. Keeps: the newest versions stay, and so does one here and there of the older
ones as long as there is room; a failure costs no version.
"""

from __future__ import annotations

from dataclasses import dataclass

from dartslurm.errors import DartError
from dartslurm.store.prune import Keep, carry_out, plan_prune, usage_of
from dartslurm.store.versions import version_numbers

_SPARED = 2
"""The newest versions are not thinned."""

_LEAVE_FREE = 0.9
"""Thinning goes on to this share of the quota, so that not every commit thins."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What the versions of one run may take; ``None`` is no limit."""

    limit_bytes: int | None = None
    limit_files: int | None = None

    def is_exceeded(self, used_bytes: int, used_files: int, share: float = 1.0) -> bool:
        """Tell whether that is more than a share of the quota."""
        over_bytes = self.limit_bytes is not None and used_bytes > share * self.limit_bytes
        over_files = self.limit_files is not None and used_files > share * self.limit_files
        return over_bytes or over_files


def keep_to(run_path: str, quota: Quota) -> list[int]:
    """Thin out a run that takes more than its quota; give the versions that went."""
    gone: list[int] = []
    if not quota.is_exceeded(*usage_of(run_path)):
        return gone
    while quota.is_exceeded(*usage_of(run_path), _LEAVE_FREE):
        went = thin(run_path)
        if not went:
            break
        gone += went
    return gone


def thin(run_path: str) -> list[int]:
    """Remove every second of the older versions; give those that went, none if it cannot be."""
    older = version_numbers(run_path)[:-_SPARED]
    keep = Keep(going=frozenset(older[::2]))
    try:
        return carry_out(plan_prune(run_path, keep), keep).going if older else []
    except DartError:  # somebody else prunes, or the disk refuses: the next commit tries again
        return []
