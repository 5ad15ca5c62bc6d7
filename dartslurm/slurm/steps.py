"""The steps of a job script: which program of the last attempt a starting program is.

Takes, in the user's process, what is being started and where; gives the run that the same program
of an earlier attempt has, or the exit code of one that has finished. Keeps: two equal commands of
one script are told apart by their order; a finished program is never answered from its record
where its output is being read by somebody; nothing heavier than the standard library is imported.
"""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from dartslurm import disk
from dartslurm.slurm.processes import look_up
from dartslurm.slurm.records import read_json, write_json, write_once

_TARGETS = ("path", "script", "module", "code", "target")


@dataclass(frozen=True, slots=True)
class StepClaim:
    """What is known of a starting program.

    ``run_id`` is the run it goes on with. ``finished_exit_code`` is set when it has finished and
    may be answered from its record. Both are ``None`` for a program that starts from nothing.
    ``at`` is the version that the user wants it to go on from, as long as the run's newest one is
    ``at_newest``.
    """

    run_id: str | None
    finished_exit_code: int | None
    key: str
    at: int | None = None
    at_newest: int = 0


def claim_step(job_dir: str, launch: dict[str, Any], argv: list[str], cwd: str) -> StepClaim:
    """Find the step that this program is.

    Raises:
        StoreError: if the job's folder cannot be written.
    """
    attempt = attempt_number()
    base = _base_key(launch, argv, cwd)
    ordinal = 0
    while not _claim(job_dir, f"{base}-{ordinal}", attempt):
        ordinal += 1
    key = f"{base}-{ordinal}"
    record = read_json(_path(job_dir, key))
    if record is None:
        begun = {"argv": argv, "cwd": cwd, "run_id": None, "begun_utc": time.time()}
        _write(job_dir, key, {**begun, "attempt": attempt})
        return StepClaim(None, None, key)
    code = record.get("finished_exit_code")
    if code is None:
        _write(job_dir, key, {**record, "attempt": attempt})
        at, at_newest = record.get("at"), int(record.get("at_newest") or 0)
        return StepClaim(record.get("run_id"), None, key, at, at_newest)
    if os.environ.get("DART_RERUN_FINISHED") == "1" or output_is_read():
        fresh = {"run_id": None, "finished_exit_code": None, "attempt": attempt}
        _write(job_dir, key, {**record, **fresh})
        return StepClaim(None, None, key)
    return StepClaim(record.get("run_id"), int(code), key)


def record_step(job_dir: str, key: str, run_id: str) -> None:
    """Write down which run a step has."""
    _write(job_dir, key, {**(read_json(_path(job_dir, key)) or {}), "run_id": run_id})


def finish_step(
    job_dir: str, key: str, exit_code: int, outputs: dict[str, int] | None = None
) -> None:
    """Write down that a step's program has ended by itself.

    ``outputs`` is how long the job's output files were then, in bytes.

    Durability:
        The record is on disk when this returns.
    """
    record = read_json(_path(job_dir, key)) or {}
    _write(job_dir, key, {**record, "finished_exit_code": exit_code, "outputs": outputs or {}})


def register_process(job_dir: str, key: str, pid: int) -> None:
    """Tell the supervisor of a process whose runtime now understands SIGUSR1."""
    found = look_up(pid)
    record = {
        "pid": pid,
        "start": found.start if found else 0,
        "host": os.uname().nodename,
        "key": key,
        "attempt": attempt_number(),
    }
    write_json(_process_path(job_dir, pid), record)


def is_registered(job_dir: str, pid: int) -> bool:
    """Tell whether a process of this node and attempt has begun a program under capture."""
    return read_json(_process_path(job_dir, pid)) is not None


def claim_output(job_dir: str) -> bool:
    """Elect the program that cuts the job's output back in this attempt: the first that asks."""
    path = os.path.join(job_dir, "steps", f"output.cut-{attempt_number()}")
    return write_once(path, {"pid": os.getpid(), "host": os.uname().nodename})


def _process_path(job_dir: str, pid: int) -> str:
    name = f"{attempt_number()}-{os.uname().nodename}-{pid}.json"
    return os.path.join(job_dir, "processes", name)


def attempt_number() -> int:
    """The number of this attempt, from 1."""
    return int(os.environ.get("DART_ATTEMPT") or 1)


def all_steps(job_dir: str) -> dict[str, dict[str, Any]]:
    """Every step of the job, by key."""
    folder = os.path.join(job_dir, "steps")
    found = {}
    for name in sorted(disk.folder_names(folder)):
        if name.endswith(".json"):
            record = read_json(os.path.join(folder, name))
            if record is not None:
                found[name[:-5]] = record
    return found


def run_ids(job_dir: str) -> list[str]:
    """The runs of the job's programs, in the order in which the programs began."""
    begun = sorted(all_steps(job_dir).values(), key=lambda record: record.get("begun_utc") or 0.0)
    return [record["run_id"] for record in begun if record.get("run_id")]


def reopen_at(job_dir: str, run_id: str, at: int, newest: int) -> None:
    """Let a run's program go on from version ``at``, also if it has finished."""
    for key, record in all_steps(job_dir).items():
        if record.get("run_id") == run_id:
            wanted = {"finished_exit_code": None, "at": at, "at_newest": newest}
            _write(job_dir, key, {**record, **wanted})


def reopen_failed(job_dir: str) -> None:
    """Let the step that failed last go on instead of answering from its record."""
    failed = [
        (record.get("attempt", 0), key, record)
        for key, record in all_steps(job_dir).items()
        if record.get("finished_exit_code")
    ]
    last = max((attempt for attempt, _, _ in failed), default=0)
    for attempt, key, record in failed:
        if attempt == last:
            _write(job_dir, key, {**record, "finished_exit_code": None})


def registered(job_dir: str, attempt: int) -> list[dict[str, Any]]:
    """The processes of an attempt that carry our runtime, on every node."""
    folder = os.path.join(job_dir, "processes")
    names = [name for name in disk.folder_names(folder) if name.startswith(f"{attempt}-")]
    found = [read_json(os.path.join(folder, name)) for name in names if name.endswith(".json")]
    return [each for each in found if each]


def output_is_read() -> bool:
    """Tell whether somebody reads our standard output, as in ``x=$(python y.py)``.

    The output of a task of srun is always a pipe, to Slurm; what counts is where srun's own
    output goes. Where that cannot be seen, somebody may be reading.
    """
    try:
        mode = os.fstat(1).st_mode
    except OSError:
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    if not os.environ.get("SLURM_STEP_ID", "").isdigit():
        return True
    outputs = [_output_mode(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()]
    sruns = [each for each in outputs if each is not None]
    return not sruns or any(stat.S_ISFIFO(each) or stat.S_ISSOCK(each) for each in sruns)


def _output_mode(pid: int) -> int | None:
    """The mode of the standard output of a process, if that is an srun of this job."""
    found = look_up(pid)
    if found is None or found.name != "srun":
        return None
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if f"SLURM_JOB_ID={os.environ.get('SLURM_JOB_ID')}".encode() not in file.read():
                return None
        return os.stat(f"/proc/{pid}/fd/1").st_mode
    except OSError:
        return None


def _base_key(launch: dict[str, Any], argv: list[str], cwd: str) -> str:
    target = {name: launch[name] for name in _TARGETS if name in launch} or launch
    rank = os.environ.get("OMPI_COMM_WORLD_RANK")
    if rank is None and os.environ.get("SLURM_STEP_ID", "").isdigit():
        rank = os.environ.get("SLURM_PROCID")
    said = [launch.get("kind"), target, argv, cwd, rank]
    return blake2b(
        json.dumps(said, sort_keys=True, default=str).encode(), digest_size=8
    ).hexdigest()


def _claim(job_dir: str, key: str, attempt: int) -> bool:
    """Take a step for this process, which may have taken it before it was executed anew."""
    path = os.path.join(job_dir, "steps", f"{key}.claim-{attempt}")
    found = look_up(os.getpid())
    mine = {"pid": os.getpid(), "start": found and found.start, "host": os.uname().nodename}
    return write_once(path, mine) or read_json(path) == mine


def _path(job_dir: str, key: str) -> str:
    return os.path.join(job_dir, "steps", f"{key}.json")


def _write(job_dir: str, key: str, record: dict[str, Any]) -> None:
    write_json(_path(job_dir, key), record)
