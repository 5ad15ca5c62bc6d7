"""The trials: stop a program at chosen or random instants, resume it, compare the end.

Takes a `Subject`, its plain run and a folder; gives a `Trial` that names each instant, each place,
everything that differs and, when something does, the `Fault` to look at. A failing trial is
repeated by its mode and seed.
"""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dartslurm.drill.bench import Bench, Subject, kill_all, poll, wait_exit, wait_ready
from dartslurm.drill.outcome import (
    Outcome,
    differences,
    first_difference,
    program_lines,
    read_outcome,
)
from dartslurm.errors import DartError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

STOPPED = 85
STOP_SECONDS = 60.0
FINISH_SECONDS = 240.0
_TIMES_AS_LONG = 20


@dataclass
class Fault:
    """Where to look: what differs first, and what the program went on from."""

    first_difference: str
    resumed_from: list[dict[str, Any]] = field(default_factory=list)
    """For each resume: version, place, frames, lost objects and what the resume noted."""
    said: list[str] = field(default_factory=list)
    """Problems in the journal, and the end of what stood on standard error."""

    def lines(self) -> list[str]:
        """Return it for people."""
        lines = [f"first difference: {self.first_difference}"] if self.first_difference else []
        for one in self.resumed_from:
            lines.append(f"went on from version {one['version']} at {one['place']}")
            lines += [f"  frame {place}" for place in one["frames"][:-1]]
            lines += [f"  lost {row}" for row in one["lost"]]
            lines += [f"  note {note}" for note in one["notes"]]
        return lines + self.said


@dataclass
class Trial:
    """One program run with stops: what was done to it, and what differs in the end."""

    program: str
    mode: str
    seed: str
    stops: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    capture_said: list[str] = field(default_factory=list)
    fault: Fault | None = None

    def __str__(self) -> str:
        lines = [f"{self.program} --mode {self.mode} (seed {self.seed})"]
        lines += [f"  stop {number}: {stop}" for number, stop in enumerate(self.stops, 1)]
        lines += [f"  {line}" for line in self.capture_said[-6:]]
        lines += [f"  DIFFERS {problem}" for problem in self.problems]
        lines += [f"  {line}" for line in (self.fault.lines() if self.fault else [])]
        return "\n".join(lines)


def run_plain(subject: Subject, folder: Path) -> tuple[Outcome, float]:
    """Run the program plainly; return what it leaves and the seconds it took.

    Raises:
        TimeoutError: if it does not end.
    """
    bench = Bench(folder, subject)
    bench.clear()
    began = time.monotonic()
    code = wait_exit(bench.plain(), FINISH_SECONDS * _TIMES_AS_LONG)
    return read_outcome(code, folder, subject.folders), time.monotonic() - began


def run_signalled(
    subject: Subject, plain: tuple[Outcome, float], folder: Path, *, seed: str, stops: int
) -> Trial:
    """Stop the program ``stops`` times by USR1 at random instants; compare the end."""

    def stop(process: subprocess.Popen[bytes], delay: float) -> str:
        process.send_signal(signal.SIGUSR1)
        return f"USR1 {delay:.3f} s after it was ready"

    trial = Trial(subject.name, "usr1", seed)
    return _run_with_stops(Bench(folder, subject), plain, trial, stop, stops, interval="3600")


def run_killed(
    subject: Subject, plain: tuple[Outcome, float], folder: Path, *, seed: str, stops: int
) -> Trial:
    """Kill the program ``stops`` times at random instants between its versions; compare the end."""

    def stop(process: subprocess.Popen[bytes], delay: float) -> str:
        kill_all(process)
        return f"KILL {delay:.3f} s after it was ready"

    trial = Trial(subject.name, "kill", seed)
    return _run_with_stops(Bench(folder, subject), plain, trial, stop, stops, interval="0.2")


def run_stopped_at(
    subject: Subject,
    plain: Outcome,
    folder: Path,
    points: list[int],
    seconds: float = 0.0,
    *,
    kill_after: int = 0,
    place: type[Bench] = Bench,
) -> Trial:
    """Stop the program at its ``points[0]``-th safe point, the attempt after it at the next.

    ``seconds`` is how long a plain run takes. With ``kill_after`` a version is taken there, and the
    process killed so many safe points after it.
    """
    plan = [f"{point}+{kill_after}" if kill_after else str(point) for point in points]
    trial = Trial(subject.name, "points", ",".join(plan))
    bench = place(folder, subject)
    bench.clear()
    limit = _limit(seconds)
    try:
        code = wait_exit(bench.captured("3600", DART_TEST_STOP_AT=plan[0]), limit)
        for point in [*plan[1:], ""]:
            if code != (-signal.SIGKILL if kill_after else STOPPED):
                break
            _note_stop(trial, bench, code, f"safe point {trial.seed}", len(trial.stops))
            extra = {"DART_TEST_STOP_AT": point} if point else {}
            code = wait_exit(bench.resumed("3600", **extra), limit)
    except TimeoutError as stuck:
        return _judge_stuck(trial, bench, stuck)
    return _judge(trial, bench, plain, code)


def every_point(
    subject: Subject,
    plain: Outcome,
    folder: Path,
    seconds: float = 0.0,
    *,
    kill_after: int = 0,
    place: type[Bench] = Bench,
) -> Iterator[Trial]:
    """Yield one trial for each safe point, until the program ends without having stopped."""
    number = 0
    while True:
        number += 1
        trial = run_stopped_at(
            subject, plain, folder, [number], seconds, kill_after=kill_after, place=place
        )
        if not trial.stops and not trial.problems:
            return
        yield trial
        if not trial.stops:
            return


def _limit(seconds: float) -> float:
    return max(FINISH_SECONDS, _TIMES_AS_LONG * seconds)


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
    limit = _limit(seconds)
    process, left = bench.captured(interval), seconds
    code = None
    try:
        while code is None:
            wait_ready(process)
            delay = dice.uniform(0.0, 0.9 * left) if len(trial.stops) < stops else limit
            code = poll(process, delay)
            if code is None and delay == limit:
                raise TimeoutError(f"did not finish in {limit:.0f} s")
            if code is None:
                before = len(bench.places())
                said = stop(process, delay)
                code = wait_exit(process, STOP_SECONDS)
                _note_stop(trial, bench, code, said, before)
                left = max(0.05, left - delay)
            if code in (STOPPED, -signal.SIGKILL, -signal.SIGUSR1):
                process = _go_on(bench, interval)
                code = None
    except TimeoutError as stuck:
        return _judge_stuck(trial, bench, stuck)
    finally:
        kill_all(process)
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
    got = read_outcome(code, bench.folder, bench.subject.folders)
    trial.problems += differences(plain, got)
    raw = (bench.folder / "stderr").read_bytes()
    ours = set(raw.splitlines()) - set(program_lines(raw).splitlines())
    trial.capture_said = sorted(line.decode("utf-8", "replace") for line in ours)
    if trial.problems:
        trial.fault = look(bench, first_difference(plain, got))
    return trial


def _judge_stuck(trial: Trial, bench: Bench, stuck: TimeoutError) -> Trial:
    trial.problems.append(str(stuck))
    trial.fault = look(bench, "")
    return trial


def look(bench: Bench, first: str) -> Fault:
    """Say what the store knows of each resume of a program that did not end as it should."""
    fault = Fault(first)
    run = bench.run()
    for row in bench.journal():
        if row["event"] == "problem":
            fault.said.append(f"journal: {row.get('message')}")
        if row["event"] != "resumed" or run is None:
            continue
        try:
            version = run.version(int(row["number"]))
        except DartError as error:
            fault.said.append(str(error))
            continue
        lost = [one for one in version.meta.get("ledger", []) if one.get("lost")]
        fault.resumed_from.append(
            {
                "version": version.number,
                "place": version.place,
                "frames": version.meta.get("frames", []),
                "lost": [f"{one['path']}, a {one['type']}: {one['reason']}" for one in lost],
                "notes": list(row.get("notes", [])),
            }
        )
    tail = (bench.folder / "stderr").read_text("utf-8", "replace").splitlines()[-3:]
    fault.said += [f"standard error: {line}" for line in tail]
    return fault
