"""Measure the cost between captures: a pure-Python loop under ``dart-run`` against plain Python.

Takes the number of pairs; gives one JSON object on standard output. Plain and captured starts
alternate, and which one goes first alternates too, so a machine that slows down slows both. The
loop measures its own CPU time: start-up is reported apart. Medians, and the ratio of each pair.

    python benchmarks/overhead.py --pairs 15
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

LOOP = """
import json, sys, time

class Counter:
    def __init__(self):
        self.total = 0
    def add(self, value):
        self.total = (self.total * 31 + value) % 1000003

def loop(n):
    counter, table = Counter(), {}
    for i in range(n):
        counter.add(i)
        table[i % 97] = counter.total
        if i % 1000 == 0:
            table = dict(sorted(table.items()))
    return counter.total + sum(table.values())

loop(20000)
wall, cpu = time.perf_counter(), time.process_time()
result = loop(int(sys.argv[1]))
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"cpu": cpu, "wall": wall, "result": result}))
"""


def run_once(command: list[str], script: Path, turns: int) -> dict[str, float]:
    """Start the loop once; return its seconds, and ``process`` for the whole life of the process.

    Units:
        Seconds; ``cpu`` is CPU time of all threads of the process, ours included.
    """
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
    began = time.perf_counter()
    done = subprocess.run(
        [*command, str(script), str(turns)],
        env={**kept, "PYTHONPATH": path},
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return {**measured, "process": time.perf_counter() - began}


def measure(pairs: int, turns: int) -> dict[str, object]:
    """Run the pairs and return the figures."""
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "loop.py"
        script.write_text(LOOP)
        store = Path(name) / "store"
        captured = [sys.executable, "-m", "dartslurm", f"--dart-store={store}"]
        commands = {"plain": [sys.executable], "captured": [*captured, "--dart-interval=3600"]}
        runs: dict[str, list[dict[str, float]]] = {"plain": [], "captured": []}
        for pair in range(pairs):
            order = ["plain", "captured"] if pair % 2 == 0 else ["captured", "plain"]
            for kind in order:
                runs[kind].append(run_once(commands[kind], script, turns))
    if len({one["result"] for kind in runs.values() for one in kind}) != 1:
        raise SystemExit("overhead: the loops gave different results; the figures mean nothing")
    return _figures(runs, turns)


def _figures(runs: dict[str, list[dict[str, float]]], turns: int) -> dict[str, object]:
    figures: dict[str, object] = {
        "schema": 1,
        "benchmark": "overhead between captures",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "pairs": len(runs["plain"]),
        "turns": turns,
    }
    for clock in ("cpu", "wall", "process"):
        plain = [one[clock] for one in runs["plain"]]
        captured = [one[clock] for one in runs["captured"]]
        ratios = [b / a for a, b in zip(plain, captured, strict=True)]
        figures[clock] = {
            "plain_seconds": _spread(plain),
            "captured_seconds": _spread(captured),
            "ratio_of_medians": statistics.median(captured) / statistics.median(plain),
            "pair_ratio": _spread(ratios),
        }
    return figures


def _spread(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "lower_quartile": low, "upper_quartile": high}


def main() -> int:
    """Measure and print; exit code 1 when the median pair costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=11, help="at least 2 (default: 11)")
    parser.add_argument("--turns", type=int, default=6_000_000, help="turns of the loop")
    parser.add_argument("--limit", type=float, default=1.01, help="largest ratio allowed")
    chosen = parser.parse_args()
    if chosen.pairs < 2:
        parser.error(f"--pairs={chosen.pairs}: give at least 2, a spread needs two values")
    figures = measure(chosen.pairs, chosen.turns)
    print(json.dumps(figures, indent=2))
    ratio = figures["cpu"]["ratio_of_medians"]  # type: ignore[index]
    return 0 if ratio <= chosen.limit else 1


if __name__ == "__main__":
    sys.exit(main())
