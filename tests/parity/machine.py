"""The parity machine: a program that is stopped and resumed must leave what a plain run leaves.

Takes a program of the corpus and a plan (when to stop it, and how); gives a `Trial` that names
each instant, each place and everything that differs. It starts real processes only and knows
the capture from outside: its commands, its exit codes, its store. Also a command:

    python tests/parity/machine.py classic/queens.py --mode usr1 --trials 3 --seed 7
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent))

from catalogue import Program, program, programs
from outcome import Outcome, differences, program_lines, read_outcome

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY))
STOPPED = 85
READY_SECONDS = 60.0
STOP_SECONDS = 60.0
FINISH_SECONDS = 240.0
RESUME = "import sys; from dartslurm.cli.resume import entry; sys.exit(entry())"


@dataclass
class Trial:
    """One program run with stops: what was done to it, and what differs in the end."""

    program: str
    mode: str
    seed: str
    stops: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    capture_said: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.program} --mode {self.mode} (seed {self.seed})"]
        lines += [f"  stop {number}: {stop}" for number, stop in enumerate(self.stops, 1)]
        lines += [f"  {line}" for line in self.capture_said[-6:]]
        lines += [f"  DIFFERS {problem}" for problem in self.problems]
        return "\n".join(lines)


class StuckError(Exception):
    """A process did not come to an awaited state in time."""


class Bench:
    """One working place: a folder with ``cwd``, ``stdout``, ``stderr`` and the store.

    Every start appends to the same two stream files, as a requeued job does. Each start after
    the first has another hash seed and stands in another directory: neither may matter.
    """

    def __init__(self, folder: Path, subject: Program) -> None:
        self.folder = folder
        self.subject = subject
        self.store = folder / "store"
        self.starts = 0
        for name in ("cwd", "elsewhere"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def start(
        self, command: list[str], where: str = "cwd", **extra: str
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` with its streams appended to this place's files."""
        self.starts += 1
        streams = [(self.folder / name).open("ab") for name in ("stdout", "stderr")]
        try:
            return subprocess.Popen(
                command,
                cwd=self.folder / where,
                env=environment(self.subject, hash_seed=self.starts, **extra),
                stdin=subprocess.DEVNULL,
                stdout=streams[0],
                stderr=streams[1],
            )
        finally:
            for stream in streams:
                stream.close()

    def plain(self) -> subprocess.Popen[bytes]:
        """Start the program as its user would without us."""
        return self.start([sys.executable, *self.subject.argv])

    def captured(self, interval: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start the program under capture."""
        options = [f"--dart-store={self.store}", f"--dart-interval={interval}"]
        return self.start(
            [sys.executable, "-m", "dartslurm", *options, *self.subject.argv], **extra
        )

    def resumed(self, interval: str, **extra: str) -> subprocess.Popen[bytes]:
        """Go on with the newest run of the store, in a fresh process that stands elsewhere."""
        command = [sys.executable, "-c", RESUME, f"--dart-store={self.store}", "--here"]
        return self.start(command, "elsewhere", DART_INTERVAL=interval, **extra)

    def places(self) -> list[str]:
        """Return ``number cause place`` of every committed version, oldest first."""
        from dartslurm.errors import DartError
        from dartslurm.store.repository import Repository

        try:
            repository = Repository.open(str(self.store))
            runs = repository.runs()
            versions = repository.run(runs[0]).versions() if runs else []
        except DartError:
            return []
        return [f"version {one.number} ({one.cause}) at {one.place}" for one in versions]

    def clear(self) -> None:
        """Throw away everything: the program begins anew."""
        for name in ("cwd", "store"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "cwd").mkdir()
        for name in ("stdout", "stderr"):
            (self.folder / name).unlink(missing_ok=True)
        self.starts = 0


def environment(subject: Program, *, hash_seed: int, **extra: str) -> dict[str, str]:
    """Return the environment of a start: nothing of ours but what ``extra`` says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
    # What makes output depend on the machine's load or on the terminal is held still.
    fixed = {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONHASHSEED": str(hash_seed)}
    path = os.pathsep.join(filter(None, [str(REPOSITORY), subject.path]))
    return {**kept, **fixed, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **extra}


def run_plain(subject: Program, folder: Path) -> tuple[Outcome, float]:
    """Run the program plainly; return what it leaves and the seconds it took."""
    bench = Bench(folder, subject)
    bench.clear()
    began = time.monotonic()
    code = wait_exit(bench.plain(), FINISH_SECONDS)
    return read_outcome(code, folder), time.monotonic() - began


def run_signalled(
    subject: Program, plain: tuple[Outcome, float], folder: Path, *, seed: str, stops: int
) -> Trial:
    """Stop the program ``stops`` times by USR1 at random instants; compare the end."""

    def stop(process: subprocess.Popen[bytes], delay: float) -> str:
        process.send_signal(signal.SIGUSR1)
        return f"USR1 {delay:.3f} s after it was ready"

    trial = Trial(subject.name, "usr1", seed)
    return _run_with_stops(Bench(folder, subject), plain, trial, stop, stops, interval="3600")


def run_killed(
    subject: Program, plain: tuple[Outcome, float], folder: Path, *, seed: str, stops: int
) -> Trial:
    """Kill the program ``stops`` times at random instants between its versions; compare the end."""

    def stop(process: subprocess.Popen[bytes], delay: float) -> str:
        process.kill()
        return f"KILL {delay:.3f} s after it was ready"

    trial = Trial(subject.name, "kill", seed)
    return _run_with_stops(Bench(folder, subject), plain, trial, stop, stops, interval="0.2")


def run_stopped_at(subject: Program, plain: Outcome, folder: Path, points: list[int]) -> Trial:
    """Stop the program at its ``points[0]``-th safe point, the next attempt at ``points[1]``, …"""
    trial = Trial(subject.name, "points", ",".join(map(str, points)))
    bench = Bench(folder, subject)
    bench.clear()
    try:
        code = wait_exit(bench.captured("3600", DART_TEST_STOP_AT=str(points[0])), FINISH_SECONDS)
        for point in [*points[1:], 0]:
            if code != STOPPED:
                break
            _note_stop(trial, bench, code, f"safe point {trial.seed}", len(trial.stops))
            extra = {"DART_TEST_STOP_AT": str(point)} if point else {}
            code = wait_exit(bench.resumed("3600", **extra), FINISH_SECONDS)
    except StuckError as stuck:
        trial.problems.append(str(stuck))
        return trial
    return _judge(trial, bench, plain, code)


def every_point(subject: Program, plain: Outcome, folder: Path) -> Iterator[Trial]:
    """Yield one trial for each safe point, until the program ends without having stopped."""
    number = 0
    while True:
        number += 1
        trial = run_stopped_at(subject, plain, folder, [number])
        if not trial.stops and not trial.problems:
            return
        yield trial
        if not trial.stops:
            return


def _run_with_stops(
    bench: Bench,
    plain: tuple[Outcome, float],
    trial: Trial,
    stop: Callable[[subprocess.Popen[bytes], float], str],
    stops: int,
    *,
    interval: str,
) -> Trial:
    outcome, seconds = plain
    dice = random.Random(f"{trial.program} {trial.mode} {trial.seed}")
    bench.clear()
    process, left = bench.captured(interval), seconds
    code = None
    try:
        while code is None:
            wait_ready(process)
            delay = dice.uniform(0.0, 0.9 * left) if len(trial.stops) < stops else FINISH_SECONDS
            code = _poll(process, delay)
            if code is None and delay == FINISH_SECONDS:
                raise StuckError(f"did not finish in {FINISH_SECONDS:.0f} s")
            if code is None:
                before = len(bench.places())
                said = stop(process, delay)
                code = wait_exit(process, STOP_SECONDS)
                _note_stop(trial, bench, code, said, before)
                left = max(0.05, left - delay)
            if code in (STOPPED, -signal.SIGKILL, -signal.SIGUSR1):
                process = _go_on(bench, interval)
                code = None
    except StuckError as stuck:
        trial.problems.append(str(stuck))
        return trial
    finally:
        process.kill()
        process.wait()
    return _judge(trial, bench, outcome, code)


def _note_stop(trial: Trial, bench: Bench, code: int, said: str, before: int) -> None:
    places = bench.places()
    trial.stops.append(f"{said}, exit {code}, {places[-1] if places else 'no version'}")
    # An end that is right only because the program was run again proves nothing.
    if code == STOPPED and len(places) <= before:
        trial.problems.append(f"stop {len(trial.stops)} committed no version")
    if code == -signal.SIGUSR1:
        trial.problems.append(f"stop {len(trial.stops)}: the signal killed the program")


def _go_on(bench: Bench, interval: str) -> subprocess.Popen[bytes]:
    # A kill before the first commit leaves nothing to resume: the user starts again.
    if bench.places():
        return bench.resumed(interval)
    bench.clear()
    return bench.captured(interval)


def _judge(trial: Trial, bench: Bench, plain: Outcome, code: int) -> Trial:
    got = read_outcome(code, bench.folder)
    trial.problems += differences(plain, got)
    raw = (bench.folder / "stderr").read_bytes()
    ours = set(raw.splitlines()) - set(program_lines(raw).splitlines())
    trial.capture_said = sorted(line.decode("utf-8", "replace") for line in ours)
    return trial


def wait_ready(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has its own handler for USR1, or has ended.

    Source:
        ``SigCgt`` in ``/proc/PID/status``, proc_pid_status(5).
    """
    limit = time.monotonic() + READY_SECONDS
    bit = 1 << (signal.SIGUSR1 - 1)
    while process.poll() is None and time.monotonic() < limit:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught & bit:
            return
        time.sleep(0.01)
    if process.poll() is None:
        raise StuckError(f"no handler for USR1 in {READY_SECONDS:.0f} s")


def wait_exit(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for the end of the process; raise `StuckError` (and end it) when it takes longer."""
    code = _poll(process, seconds)
    if code is None:
        process.kill()
        process.wait()
        raise StuckError(f"did not end in {seconds:.0f} s")
    return code


def _poll(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def run_trials(subject: Program, mode: str, trials: int, stops: int, seed: str) -> list[Trial]:
    """Run the trials of one program in a temporary folder; return those that differ."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = run_plain(subject, folder / "plain")
        if mode == "plain":
            again = run_plain(subject, folder / "again")[0]
            trial = Trial(subject.name, mode, "", [], differences(plain[0], again))
            print(f"{subject.name}: {plain[1]:.2f} s plain", flush=True)
            return [trial] if trial.problems else []
        if mode == "every":
            every = every_point(subject, plain[0], folder / "run")
            return [trial for trial in every if trial.problems]
        run = run_signalled if mode == "usr1" else run_killed
        done = [
            run(subject, plain, folder / "run", seed=f"{seed}.{number}", stops=stops)
            for number in range(trials)
        ]
        return [trial for trial in done if trial.problems]


def main() -> int:
    """Run what the command line asks for; the exit code says whether all were equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="*", help="family/name.py, a family, or a path")
    parser.add_argument("--mode", choices=("plain", "usr1", "kill", "every"), default="usr1")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--stops", type=int, default=2)
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args()
    bad = 0
    for subject in _subjects(chosen.programs):
        failed = run_trials(subject, chosen.mode, chosen.trials, chosen.stops, chosen.seed)
        bad += bool(failed)
        print(f"{'DIFFERS' if failed else 'equal':8}{subject.name}", flush=True)
        for trial in failed:
            print(trial, flush=True)
    return 1 if bad else 0


def _subjects(names: list[str]) -> list[Program]:
    every = programs()
    families = {one.family for one in every}
    chosen = [one for one in every if one.family in names or not names]
    return chosen + [program(name) for name in names if name not in families]


if __name__ == "__main__":
    sys.exit(main())
