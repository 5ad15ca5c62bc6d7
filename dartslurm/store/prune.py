"""Pruning: old versions go, and the bytes that only they held.

Takes a run and what to keep; gives a `Plan` that says what will be freed, and carries it out.

The invariant: *whatever a visible version or a living writer may refer to stays*. A program may
be publishing meanwhile, on another node, with no lock between us. Designs that do not work:

* *Ask the writer, or wait for it.* It may be suspended, or on a node that does not answer.
* *Claim the run.* That fences the job that is running.
* *Spare what is younger than an hour.* Clocks of nodes differ, and a commit may take longer.

The one chosen: a writer refers to the chunks of its last two versions only, and says so in each
version file. So from the newest version of each live epoch follows what may still be referred to,
whatever is published while we work: version N+1 refers to files of N, of those in N's ``recent``,
and to new ones of its own, which are never touched here. A writer that opens the run meanwhile is
seen when the claims are read again after the versions were made invisible, or else sees them gone.

Source:
    ``docs/reference/store-format.md`` section 9.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import getpid
from os.path import join as _join
from time import time
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import ConflictError, StoreError, UsageError
from dartslurm.store.epoch import is_alive, myself, newest_epoch
from dartslurm.store.layout import (
    PACKS,
    PRUNED,
    PRUNING,
    RESERVE,
    RESERVE_BYTES,
    VERSIONS,
    new_draft,
    pack_path,
    version_path,
)
from dartslurm.store.reachable import View, look_at
from dartslurm.store.records import encode_record, read_record
from dartslurm.store.repack import Rewrite, carry_out_rewrites, plan_rewrites
from dartslurm.store.versions import file_numbers, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterator


_held: set[str] = set()
"""Marks of prunings that this process is carrying out."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays: a version goes if no rule keeps it and it is older than the age, if one is given.

    ``numbers`` names the versions that go, instead of any rule.
    """

    last: int | None = None
    every: int | None = None
    tagged: bool = False
    older_than_seconds: float | None = None
    going: frozenset[int] | None = None

    def goes(self, view: View) -> set[int]:
        """Choose the versions that go."""
        order = view.newest_first()
        stays = view.must_stay() | set(order[: self.last or 0])
        if self.every:
            stays |= {number for number in order if number % self.every == 0}
        if self.tagged:
            stays |= {number for number in order if view.files[number].is_tagged}
        if self.going is not None:
            return set(self.going) & set(order) - view.must_stay()
        limit = time() - (self.older_than_seconds or 0.0)
        old = {n for n in order if view.files[n].summary.time_utc < limit}
        return set(order) - stays if self.older_than_seconds is None else old - stays


@dataclass(slots=True)
class Plan:
    """What goes, what stays, and what that frees. ``view`` is what it was decided on."""

    view: View
    going: list[int]
    staying: list[int]
    paths: list[str] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    bytes_freed: int = 0

    @property
    def files_freed(self) -> int:
        """Count the files that there will be less."""
        return len(self.paths) - len(self.rewrites)


def plan_prune(run_path: str, keep: Keep) -> Plan:
    """Decide what goes; nothing is changed.

    Raises:
        UsageError: if nothing says what to keep.
        StoreError: if the run cannot be read.
    """
    if keep == Keep():
        raise UsageError("nothing says which versions to keep", remedy="give --keep=N, for one")
    return _plan(look_at(run_path), keep)


def _plan(view: View, keep: Keep) -> Plan:
    going = keep.goes(view)
    view = replace(view, pruned=view.pruned | going)
    used = view.in_use()
    needed = view.needed(set(view.visible)) | used
    plan = Plan(view, sorted(going), view.visible)
    names = view.names()
    for number in sorted(view.pruned & set(view.files) - names):
        if number not in needed:
            plan.paths.append(version_path(view.run_path, number))
    ever = view.needed(set(view.files))
    for pack in sorted(set(view.packs) - needed):
        if pack in ever or view.is_left_over(pack):
            plan.paths.append(pack_path(view.run_path, pack))
    plan.rewrites = plan_rewrites(view, {c for c in needed - used if isinstance(c, str)})
    plan.paths += [pack_path(view.run_path, name) for each in plan.rewrites for name in each.packs]
    plan.bytes_freed = sum(map(_bytes, plan.paths)) - sum(r.bytes_written for r in plan.rewrites)
    return plan


def _bytes(path: str) -> int:
    """Bytes that removing a file frees: none if another run shares it."""
    about = disk.look(path)
    return about.st_size if about is not None and about.st_nlink == 1 else 0


def carry_out(plan: Plan, keep: Keep) -> Plan:
    """Do it; give what was done, which differs if an attempt began meanwhile.

    Raises:
        StoreError: if the disk refuses; what is visible is whole, and pruning again goes on.

    Durability:
        That the versions are gone is on disk when this returns.
    """
    run_path = plan.view.run_path
    with _alone(run_path):
        done: set[int] = set()
        while True:
            # Planned anew: another pruning may have been at work since.
            plan = _plan(look_at(run_path), keep)
            done |= set(plan.going)
            _hide(plan)
            if newest_epoch(run_path) == plan.view.newest_epoch:
                break
        carry_out_rewrites(run_path, plan.rewrites)
        for path in plan.paths:
            disk.remove(path)
        for folder in (PACKS, VERSIONS):
            disk.sync_folder(_join(run_path, folder))
    plan.going = sorted(done)
    return plan


@contextmanager
def _alone(run_path: str) -> Iterator[None]:
    """Keep a second pruning of the run out: one would not see what the other is about to refer to.

    Raises:
        ConflictError: if one is at work, or was when its node died.
    """
    path, draft = _join(run_path, PRUNING), _join(run_path, f"{new_draft(0)}")
    disk.write_new(draft, [encode_record("pruning", {"time_utc": time(), **myself()})])
    try:
        if not disk.link_new(draft, path):
            _break_dead(path)
            if not disk.link_new(draft, path):
                raise _busy(path)
    finally:
        disk.discard(draft)
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        disk.discard(path)


def _break_dead(path: str) -> None:
    """Take away the mark of a pruning whose process is known to be gone.

    Raises:
        ConflictError: if it lives, or nobody here can know.
    """
    found = read_record(path, "pruning")
    if found is None:
        return
    ours_left = found.get("pid") == getpid() and path not in _held  # its removal had failed
    if is_alive(found) is not False and not ours_left:
        raise _busy(path)
    disk.discard(path)


def _busy(path: str) -> ConflictError:
    found = read_record(path, "pruning") or {}
    return ConflictError(
        f"{path}: process {found.get('pid', '?')} on {found.get('host', '?')} is pruning this run",
        kind="pruning",
        remedy="wait for it; if that process is dead, remove this file",
    )


def _hide(plan: Plan) -> None:
    """Make versions invisible; gives up the reserve for it on a full disk."""
    run_path = plan.view.run_path
    packs = [name for each in plan.rewrites for name in each.packs]
    if not plan.going and not packs:
        return
    fields = {"numbers": spans_of(plan.view.pruned), "packs": packs}
    text = encode_record("pruned", fields)
    path, reserve = _join(run_path, PRUNED), _join(run_path, RESERVE)
    try:
        disk.replace_file(path, text)
    except StoreError:
        if not disk.remove(reserve):
            raise
        disk.replace_file(path, text)
    if disk.look(reserve) is None:
        try:
            disk.write_new(reserve, [bytes(RESERVE_BYTES)])
        except StoreError:
            pass  # the next pruning tries again


def usage_of(run_path: str) -> tuple[int, int]:
    """Give the bytes and files that a run's versions take."""
    paths = [pack_path(run_path, name) for name in disk.folder_names(_join(run_path, PACKS))]
    paths += [version_path(run_path, number) for number in file_numbers(run_path)]
    return sum(map(_bytes, paths)), len(paths)
