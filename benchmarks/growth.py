"""How the cost of a version grows with the state: pause, processor time and bytes.

Takes sizes; gives a table, the slope of a straight line through the origin and the exponent (1 is
linear), every sample as JSON, and plots as PNG and in an HTML page. Each size is one program
(``programs/growing.py``, a hundredth of it changes between two versions) that runs under capture
until it has the versions wanted. The first version, which holds all, stands by itself.

    python benchmarks/growth.py
    python benchmarks/growth.py --mib 64 256 --objects 1000 100000 --versions 4

Units:
    Milliseconds, MiB (arrays) or objects, MB written.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from plots import Curve, curves, write_page
from workloads import PROGRAMS, environment, journal, say

Row = dict[str, Any]
LIMIT_SECONDS = 900.0
MIB = [64, 256, 1024, 4096, 8192]
OBJECTS = [1000, 10_000, 100_000, 1_000_000, 10_000_000]
COLUMNS = {"first ms": "first pause", "pause ms": "pause", "CPU ms": "CPU", "MB": "written"}


def measure(kind: str, size: int, versions: int, folder: Path) -> Row:
    """Run one size until it has its versions; give what the journal says of them."""
    store = folder / "store"
    options = [f"--dart-store={store}", "--dart-interval=1", "--dart-overhead=50"]
    program = [str(PROGRAMS / "growing.py"), kind, str(size)]
    command = [sys.executable, "-m", "dartslurm", *options, *program]
    process = subprocess.Popen(command, env=environment(), cwd=folder)
    limit = time.monotonic() + LIMIT_SECONDS
    rows: list[Row] = []
    try:
        while len(of(rows, "bytes_new")) < versions and time.monotonic() < limit:
            time.sleep(0.2)
            if process.poll() is not None:
                raise SystemExit(f"growth: {program} ended with {process.returncode}")
            rows = journal(store) if list(store.glob("runs/*/journal.jsonl")) else []
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    if len(of(rows, "bytes_new")) < 2:
        raise SystemExit(f"growth: {program} has not two versions after {LIMIT_SECONDS:.0f} s")
    return {
        "kind": kind, "size": size, "pauses": of(rows, "pause_seconds"),
        "cpu": of(rows, "cost_seconds"), "bytes": of(rows, "bytes_new"),
    }  # fmt: skip


def of(rows: list[Row], name: str) -> list[float]:
    """Give one figure of all rows that have it."""
    return [row[name] for row in rows if name in row]


def figures(row: Row) -> dict[str, float]:
    """Give the columns of one size: the first version, then the middle of those after it."""
    return {
        "first ms": 1e3 * row["pauses"][0],
        "pause ms": 1e3 * statistics.median(row["pauses"][1:]),
        "CPU ms": 1e3 * statistics.median(row["cpu"][1:]),
        "MB": statistics.median(row["bytes"][1:]) / 1e6,
    }


def slope(sizes: list[float], values: list[float]) -> float:
    """Give the slope of the straight line through the origin that fits best."""
    squares = sum(size * size for size in sizes)
    return sum(size * value for size, value in zip(sizes, values, strict=True)) / squares


def exponent(sizes: list[float], values: list[float]) -> float:
    """Give the slope in logarithms, of the upper half of the sizes: there nothing fixed counts."""
    upper = [(math.log(s), math.log(max(v, 1e-6))) for s, v in zip(sizes, values, strict=True)]
    upper = upper[-max(2, (len(upper) + 1) // 2) :]
    if len({size for size, _ in upper}) < 2:
        return math.nan
    return statistics.linear_regression(*zip(*upper, strict=True)).slope


def table(kind: str, rows: list[Row]) -> str:
    """Lay out the sizes of one kind, and below them how each column grows."""
    found = [figures(row) for row in rows]
    sizes = [float(row["size"]) for row in rows]
    lines = [f"{kind:>12}" + "".join(f"{name:>12}" for name in COLUMNS)]
    for size, one in zip(sizes, found, strict=True):
        lines.append(f"{size:>12,.0f}" + "".join(f"{one[name]:>12.2f}" for name in COLUMNS))
    unit = "MiB" if kind == "arrays" else "1000"
    scale = 1 if kind == "arrays" else 1000
    columns = {name: [one[name] for one in found] for name in COLUMNS}
    slopes = [scale * slope(sizes, values) for values in columns.values()]
    lines.append(f"{'a ' + unit:>12}" + "".join(f"{value:>12.4f}" for value in slopes))
    powers = [exponent(sizes, values) for values in columns.values()]
    return "\n".join([*lines, f"{'exponent':>12}" + "".join(f"{p:>12.2f}" for p in powers)])


def drawn(kind: str, rows: list[Row]) -> tuple[str, list[Curve]]:
    """Give the curves of one kind."""
    sizes = [float(row["size"]) for row in rows]
    shown = [
        Curve(label, sizes, [figures(row)[name] for row in rows]) for name, label in COLUMNS.items()
    ]
    unit = "MiB of arrays" if kind == "arrays" else "objects (each an instance and its list)"
    return unit, shown


def main() -> int:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mib", type=int, nargs="*", default=MIB)
    parser.add_argument("--objects", type=int, nargs="*", default=OBJECTS)
    parser.add_argument("--versions", type=int, default=7, help="of each size")
    parser.add_argument("--out", type=Path, default=Path("growth"), help="name without ending")
    parser.add_argument("--folder", type=Path, help="where stores are written")
    chosen = parser.parse_args()
    results: dict[str, list[Row]] = {}
    for kind, sizes in (("arrays", chosen.mib), ("objects", chosen.objects)):
        for size in sizes:
            say(f"{kind}: {size:,}")
            with tempfile.TemporaryDirectory(dir=chosen.folder) as room:
                row = measure(kind, size, chosen.versions, Path(room))
            results.setdefault(kind, []).append(row)
            chosen.out.with_suffix(".json").write_text(json.dumps(results, indent=1))
    say("")
    tables = [table(kind, rows) for kind, rows in results.items()]
    print("\n\n".join(tables))
    pictures = []
    for kind, rows in results.items():
        picture = chosen.out.with_name(f"{chosen.out.name}-{kind}.png")
        if curves(picture, *drawn(kind, rows)):
            pictures.append(picture)
    write_page(chosen.out.with_suffix(".html"), "How a version's cost grows", tables, pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
