"""The output file of a job, which all its programs and its shell write in turn.

When a job comes back its script begins again at the first line, so what the shell printed before
the resumed program is there twice, and a killed program has printed lines that it will print
again. The first program of an attempt that goes on cuts the file back to where it was; from then
on everything in it is new, and nobody cuts it again. Lines of ours and of Slurm stay.

Takes the lengths that a version knows; takes those of the job's output out of them. Keeps: where
several programs ran side by side, the file keeps what any of them had committed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import DartError
from dartslurm.slurm import steps
from dartslurm.state.outside import files as outside_files

if TYPE_CHECKING:
    from dartslurm.model.settings import Settings
    from dartslurm.store.repository import Repository

_FOREIGN = (b"dart: ", b"slurmstepd", b"srun: ")
_MOST_FOREIGN_BYTES = 1 << 16


def cut_once(
    lengths: dict[str, int], run_id: str, settings: Settings, repository: Repository, tails: str
) -> list[str]:
    """Cut the job's output if nobody has in this attempt; gives a line for each file changed.

    Units:
        Lengths in bytes.
    """
    mine = {path: lengths.pop(path) for path in settings.job_outputs if path in lengths}
    if settings.job_folder is None or not mine or not steps.claim_output(settings.job_folder):
        return []
    lines = []
    for path, length in mine.items():
        others = _committed_by_others(settings.job_folder, path, run_id, repository)
        lines += _cut(path, max([length, *others]), tails)
    return lines


def lengths_of(paths: tuple[str, ...]) -> dict[str, int]:
    """Return how long the job's output files are now, in bytes."""
    return {path: os.path.getsize(path) for path in paths if os.path.isfile(path)}


def cut_when_all_has_finished(settings: Settings, tails: str) -> list[str]:
    """Cut what the shell printed again before a finished step, when nothing is left to resume."""
    if settings.job_folder is None or not settings.job_outputs:
        return []
    records = list(steps.all_steps(settings.job_folder).values())
    if any(record.get("finished_exit_code") is None for record in records):
        return []
    known = [record.get("outputs") or {} for record in records]
    lengths = {path: max(one.get(path, 0) for one in known) for path in settings.job_outputs}
    lines: list[str] = []
    if any(lengths.values()) and steps.claim_output(settings.job_folder):
        for path, length in lengths.items():
            lines += _cut(path, length, tails) if length else []
    return lines


def _committed_by_others(
    job_folder: str, path: str, run_id: str, repository: Repository
) -> list[int]:
    """How long the file was when each other program that has not finished was committed."""
    found = []
    for record in steps.all_steps(job_folder).values():
        other = record.get("run_id")
        if other in (None, run_id) or record.get("finished_exit_code") is not None:
            continue
        try:
            recorded = repository.run(other).reader().meta.get("files", {})
        except DartError:
            continue
        found.append(int(recorded.get("lengths", {}).get(path, 0)))
    return found


def _cut(path: str, length: int, tails: str) -> list[str]:
    foreign = _foreign_lines(path, length)
    lines = outside_files.cut_back({path: length}, tails)
    if foreign and os.path.getsize(path) == length:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            disk.write_all(descriptor, [foreign], path)
        finally:
            disk.close_file(descriptor)
    return lines


def _foreign_lines(path: str, start: int) -> bytes:
    """Lines after ``start`` that no program and no shell of the user has written."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            lines = file.readlines()
    except OSError:
        return b""
    kept = b"".join(line for line in lines if line.startswith(_FOREIGN) and line.endswith(b"\n"))
    return kept if len(kept) <= _MOST_FOREIGN_BYTES else b""


def job_outputs(environment: dict[str, str]) -> tuple[str, ...]:
    """Return the paths of the job's output files, as the supervisor has told them."""
    return tuple(filter(None, environment.get("DART_JOB_OUTPUT", "").split("\n")))
