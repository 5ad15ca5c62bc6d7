"""The only caller of Slurm's commands.

Takes plain values; gives what Slurm answered, as plain values. Keeps: every call has a time-out;
a controller that does not answer is asked again until the caller's time is used up and then
becomes an `UnavailableError`; a command that is not installed is a `ClusterError`; and no variable
of the user that changes the commands' output reaches them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from dartslurm.errors import ClusterError, NotFoundError, UnavailableError

_TRANSIENT = (
    "unable to contact slurm controller",
    "socket timed out",
    "connection refused",
    "zero bytes were transmitted",
    "transport endpoint",
    "unexpected message received",
    "slurm backup controller in standby",
    "temporarily unable",
    "resource temporarily unavailable",
)
_UNKNOWN_JOB = ("invalid job id", "invalid job array")
_PAUSE_SECONDS = 1.0
_CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One job as ``scontrol show job`` tells it.

    ``end_utc`` is ``None`` for a job without a time limit. ``restarts`` counts Slurm's requeues;
    one that has been asked for already counts while the old attempt is still ending.
    """

    job_id: str
    state: str
    reason: str
    restarts: int
    requeue: bool
    start_utc: float | None
    end_utc: float | None
    partition: str
    required_nodes: str
    excluded_nodes: str
    batch_host: str
    node_count: int
    preempted: bool


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of squeue: what the job does now and why."""

    job_id: str
    state: str
    reason: str
    time_left: str
    start: str
    nodes: str


def command(name: str) -> str:
    """Find a command of Slurm.

    Raises:
        ClusterError: if it is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise ClusterError(
            f"{name} is not on PATH ({os.environ.get('PATH', '')})",
            kind="slurm-missing",
            remedy="run this where Slurm's commands are installed, or load the Slurm module",
        )
    return found


def ask(argv: list[str], *, within_seconds: float = _CALL_SECONDS) -> str:
    """Run one command of Slurm and give its standard output.

    Raises:
        ClusterError: if Slurm refuses, with Slurm's words, or the command is missing.
        NotFoundError: if Slurm does not know the job.
        UnavailableError: if the controller did not answer in time.
    """
    path = command(argv[0])
    ends = time.monotonic() + within_seconds
    while True:
        left_seconds = max(1.0, ends - time.monotonic())
        try:
            done = subprocess.run(
                [path, *argv[1:]],
                env=clean_environ(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=left_seconds,
            )
            said = done.stderr.strip() or done.stdout.strip()
            if done.returncode == 0:
                return done.stdout
            if not any(word in said.lower() for word in _TRANSIENT):
                raise _refusal(argv, done.returncode, said)
        except subprocess.TimeoutExpired:
            said = "no answer"
        if time.monotonic() + _PAUSE_SECONDS >= ends:
            raise UnavailableError(
                f"{argv[0]} got no answer from Slurm within {within_seconds:.0f} s: {_line(said)}",
                kind="slurm-unreachable",
                remedy="wait for the controller and repeat the command",
            )
        time.sleep(_PAUSE_SECONDS)


def _refusal(argv: list[str], code: int, said: str) -> ClusterError | NotFoundError:
    if any(word in said.lower() for word in _UNKNOWN_JOB):
        return NotFoundError(f"Slurm does not know job {argv[-1]}", kind="job-unknown")
    words = " ".join(argv[:3])
    return ClusterError(f"{words}: {_line(said) or f'exit code {code}'}", kind="slurm-refused")


def _line(said: str) -> str:
    return " / ".join(line.strip() for line in said.splitlines() if line.strip())


def clean_environ() -> dict[str, str]:
    """The environment without what would change the form of the answers."""
    shaping = ("SQUEUE_", "SINFO_", "SLURM_TIME_FORMAT", "SLURM_JSON", "SLURM_YAML")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(shaping)}
    environ["LC_ALL"] = "C"
    return environ


def show_job(job_id: str, *, within_seconds: float = _CALL_SECONDS) -> JobFacts:
    """Ask Slurm about one job (``123`` or ``123_4``)."""
    said = ask(["scontrol", "-o", "show", "job", job_id], within_seconds=within_seconds)
    lines = [line for line in said.splitlines() if line.startswith("JobId=")]
    if not lines:
        raise NotFoundError(f"Slurm does not know job {job_id}", kind="job-unknown")
    return parse_job(lines[-1])


def parse_job(line: str) -> JobFacts:
    """Read one line of ``scontrol -o show job``."""
    facts = dict(re.findall(r"(?:^| )([A-Za-z][A-Za-z/:&]*)=(\S*)", line))
    return JobFacts(
        job_id=facts.get("JobId", ""),
        state=facts.get("JobState", "UNKNOWN"),
        reason=_none_empty(facts.get("Reason", "")),
        restarts=int(facts.get("Restarts", "0") or 0),
        requeue=facts.get("Requeue") == "1",
        start_utc=_epoch(facts.get("StartTime", "")),
        end_utc=_epoch(facts.get("EndTime", "")),
        partition=facts.get("Partition", ""),
        required_nodes=_none_empty(facts.get("ReqNodeList", "")),
        excluded_nodes=_none_empty(facts.get("ExcNodeList", "")),
        batch_host=_none_empty(facts.get("BatchHost", "")),
        node_count=int(re.match(r"\d*", facts.get("NumNodes", "1")).group() or 1),  # type: ignore[union-attr]
        preempted=_epoch(facts.get("PreemptTime", "")) is not None,
    )


def _none_empty(value: str) -> str:
    return "" if value in ("(null)", "None", "N/A") else value


def _epoch(stamp: str) -> float | None:
    """Turn Slurm's local time (``2026-11-21T10:26:26``) into seconds since the epoch."""
    try:
        return time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S"))
    except (ValueError, OverflowError):
        return None


def requeue(job_id: str, *, within_seconds: float = _CALL_SECONDS) -> None:
    """Put a job back into the queue. Asking twice is no mistake: it is pending then."""
    try:
        ask(["scontrol", "requeue", job_id], within_seconds=within_seconds)
    except ClusterError as refused:
        if "pending execution" not in refused.message:
            raise


def update(job_id: str, *settings: str, within_seconds: float = _CALL_SECONDS) -> None:
    """Change a job's settings, each given as Slurm writes it (``Requeue=1``)."""
    argv = ["scontrol", "update", f"JobId={job_id}", *settings]
    ask(argv, within_seconds=within_seconds)


def free_nodes(partition: str, *, within_seconds: float = 10.0) -> set[str]:
    """Name the nodes of a partition that could start something now."""
    argv = ["sinfo", "-h", "-N", "-p", partition, "-t", "idle,mix", "-o", "%N"]
    return set(ask(argv, within_seconds=within_seconds).split())


def queue(user: str | None = None) -> list[QueueRow]:
    """Everything of a user (or one's own) that waits or runs, in one call."""
    whose = ["-u", user] if user else ["--me"]
    said = ask(["squeue", "-h", *whose, "-r", "-o", "%i|%T|%r|%L|%S|%N"])
    rows = []
    for line in said.splitlines():
        parts = line.split("|")
        if len(parts) == 6:
            rows.append(QueueRow(*parts))
    return rows


def submit(argv: list[str], *, stdin: bytes | None = None) -> tuple[int, str | None]:
    """Run sbatch with these arguments; give its exit code and the id of the job, if it told one.

    What sbatch prints goes to our standard output and standard error unchanged and at once: with
    ``--wait`` it prints long before it ends.

    Raises:
        ClusterError: if there is no sbatch.
    """
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    process = subprocess.Popen([command("sbatch"), *argv], stdin=source, stdout=subprocess.PIPE)
    if process.stdin is not None and stdin is not None:
        process.stdin.write(stdin)
        process.stdin.close()
    said = b""
    sys.stdout.flush()
    while process.stdout is not None and (line := process.stdout.readline()):
        said += line
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    return process.wait(), parse_submitted(said.decode(errors="replace"))


def submit_quietly(argv: list[str], *, cwd: str) -> str:
    """Run sbatch without showing what it prints; give the new job's id.

    What the present job has in its environment must not become options of the new one.

    Raises:
        ClusterError: if sbatch refuses, with its words.
    """
    inherited = ("SLURM_", "SBATCH_", "DART_")
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(inherited) or name == "SLURM_CONF"
    }
    done = subprocess.run(
        [command("sbatch"), *argv],
        env=environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    new_id = parse_submitted(done.stdout)
    if done.returncode or new_id is None:
        raise _refusal(["sbatch"], done.returncode, done.stderr)
    return new_id


def parse_submitted(said: str) -> str | None:
    """Find the job id in what sbatch printed, in either of its two forms."""
    lines = said.strip().splitlines()
    match = re.search(r"Submitted batch job (\d+)", said)
    if match is None and lines:
        match = re.fullmatch(r"(\d+)(?:;\S+)?", lines[-1].strip())
    return match.group(1) if match else None


def kill_wait_seconds() -> float:
    """The seconds between SIGTERM and SIGKILL on this cluster; Slurm's default if not known."""
    try:
        said = ask(["scontrol", "show", "config"], within_seconds=4.0)
    except (ClusterError, NotFoundError, UnavailableError):
        return 30.0
    match = re.search(r"^KillWait\s*=\s*(\d+)", said, re.MULTILINE)
    return float(match.group(1)) if match else 30.0
