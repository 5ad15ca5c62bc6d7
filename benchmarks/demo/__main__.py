"""Entry of ``python -m benchmarks.demo``: exit code 0 when both outputs are identical, else 1."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.demo.ordeal import Ordeal, OrdealError
from benchmarks.demo.verdict import compare, show
from benchmarks.demo.view import live_view

REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the demonstration as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--kills", type=int, default=4, help="how many times SIGKILL (4)")
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between versions (2)")
    parser.add_argument("--seed", type=int, help="of the random instants; the one used is printed")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build" / "demo")
    chosen = parser.parse_args()
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed

    console = Console(width=None if sys.stdout.isatty() else 100)
    shutil.rmtree(chosen.folder, ignore_errors=True)
    script = REPOSITORY / "benchmarks" / "demo" / "train.py"
    ordeal = Ordeal(script, chosen.folder, chosen.kills, chosen.interval, random.Random(seed))
    console.print(f"[bold]{script.relative_to(REPOSITORY)}[/], unmodified, runs twice at once:")
    console.print(f"by python, and by dart-run with {chosen.kills} times SIGKILL (seed {seed})")
    try:
        ordeal.start()
        with live_view(console, ordeal) as refresh:
            while not ordeal.step():
                refresh()
                time.sleep(0.1)
        return 0 if show(console, ordeal, compare(ordeal)) else 1
    except OrdealError as failure:
        console.print(f"[bold red]the demonstration failed[/]: {escape(str(failure))}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        ordeal.stop()
        console.print(f"everything is under {chosen.folder}")


if __name__ == "__main__":
    sys.exit(main())
