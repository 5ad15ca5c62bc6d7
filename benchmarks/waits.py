"""How long a request waits for a safe point: the corpus with frequent versions.

    python benchmarks/waits.py [FAMILY …] [--interval 0.05]

Each program of the corpus runs once under capture; every version's wait (without its pause) stands
in the run's journal, with what refused the last line before. Printed are the median, the 99th
percentile and the worst wait of each family and of all, and what caused the longest ones.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from catalogue import Program, programs  # noqa: E402  it lies beside the tests

from dartslurm.drill.bench import Bench, wait_exit  # noqa: E402

LIMIT_SECONDS = 600.0
SHOWN = 10


class Wait(NamedTuple):
    """One version's wait."""

    seconds: float
    program: str
    cause: str
    taken: bool


def waits_of(program: Program, interval: float) -> list[Wait]:
    """Run one program under capture and read its waits."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), program)
        bench.clear()
        wait_exit(bench.captured(str(interval)), LIMIT_SECONDS)
        rows = [row for row in bench.journal() if row["event"] in ("captured", "no-instant")]
    return [
        Wait(_seconds(row), program.name, row.get("waited_for") or "-", row["event"] == "captured")
        for row in rows
    ]


def _seconds(row: dict[str, Any]) -> float:
    """Return the wait alone: the journal's ends with the pause."""
    return max(0.0, float(row["waited_seconds"]) - float(row.get("pause_seconds", 0.0)))


def line(name: str, waits: list[Wait]) -> str:
    """Return one row of the table, in milliseconds."""
    if not waits:
        return f"{name:24}{0:>8}"
    seconds = sorted(one.seconds for one in waits)
    high = seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))]
    figures = "".join(f"{1000 * value:>12.1f}" for value in (median(seconds), high, seconds[-1]))
    return f"{name:24}{len(seconds):>8}{figures}"


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("families", nargs="*")
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between versions")
    chosen = parser.parse_args()
    subjects = [one for one in programs() if not chosen.families or one.family in chosen.families]
    found: dict[str, list[Wait]] = {}
    for subject in subjects:
        try:
            found.setdefault(subject.family, []).extend(waits_of(subject, chosen.interval))
        except TimeoutError as stuck:
            print(f"{subject.name}: {stuck}", file=sys.stderr)
    try:
        show(found)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def show(found: dict[str, list[Wait]]) -> None:
    """Print the table."""
    every = [one for waits in found.values() for one in waits]
    print(f"{'family':24}{'waits':>8}{'median ms':>12}{'99 % ms':>12}{'worst ms':>12}")
    for family, waits in found.items():
        print(line(family, waits))
    print(line("all", every))
    print("\nthe longest waits:")
    for one in sorted(every, reverse=True)[:SHOWN]:
        note = "" if one.taken else " (given up)"
        print(f"{1000 * one.seconds:>10.1f} ms  {one.program}: {one.cause}{note}")
    print("\nwhat was waited for longer than 10 ms:")
    causes = Counter(one.cause for one in every if one.seconds > 0.01)
    for cause, count in causes.most_common(SHOWN):
        print(f"{count:>10}  {cause}")


if __name__ == "__main__":
    sys.exit(main())
