"""What capture costs real programs: plain, ours, and two ways with dill, paired and interleaved.

Takes programs of ``benchmarks/programs``, sizes and intervals; gives a table, every sample as JSON,
and beside that a plot as PNG and a page. Each pair runs all ways in an order that rotates, so a
machine that slows down slows all. The number of steps is found by a first run, so that a plain run
takes ``--seconds``. Ratios count, not absolute times; the interval is the bootstrap's 95 % for the
median of the paired ratios.

With ``--threads`` as many as there are cores, native libraries leave none for our writer; that is
the default. ``--budgets`` adds runs that choose their interval by ``--dart-overhead``.

    python benchmarks/workloads.py --pairs 5 --seconds 120 --intervals 10 60 --budgets 0.5 1 5
    python benchmarks/workloads.py --only pde --scale 0.1 --seconds 9 --intervals 2 --pairs 2
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from plots import Bar, bars, write_page

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAMS = REPOSITORY / "benchmarks" / "programs"
NAMES = ("kmeans", "tsne", "mnist", "dcgan", "pde", "objects", "boosting", "frames")
RESUME = "import sys; from dartslurm.cli.resume import entry; sys.exit(entry())"
Sample = dict[str, Any]


def environment() -> dict[str, str]:
    """Return the variables of every run: ours importable, nothing of ours set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
    path = os.pathsep.join(filter(None, [str(REPOSITORY), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "PYTHONHASHSEED": "1"}


def set_threads(count: int) -> None:
    """Say how many threads native libraries take, in every run."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)


def measure(command: list[str], folder: Path) -> Sample:
    """Run to the end.

    Units:
        Seconds of wall and CPU time (all threads), bytes of memory at the most.
    """
    output = folder / "output"
    with output.open("wb") as file:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=file, env=environment(), cwd=folder)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"workloads: {command} ended with {child.returncode}")
    return {
        "wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss << 10,
        "output": output.read_text(),
    }  # fmt: skip


def ours(words: list[str], folder: Path, option: str) -> Sample:
    """Run under capture; the journal tells pauses and bytes."""
    store = folder / "store"
    options = [f"--dart-store={store}", option]
    sample = measure([sys.executable, "-m", "dartslurm", *options, *words], folder)
    lines = journal(store)
    sample["pauses"] = [line["pause_seconds"] for line in lines if "attempts" in line]
    sample["bytes"] = [line["bytes_new"] for line in lines if "bytes_new" in line]
    return sample


def journal(store: Path) -> list[Sample]:
    """Read the journal of the one run of a store."""
    (path,) = store.glob("runs/*/journal.jsonl")
    return [json.loads(line[: line.rindex("}") + 1]) for line in path.read_text().splitlines()]


def dill(words: list[str], folder: Path, interval: float, way: str) -> Sample:
    """Run with dumps in the program's own thread: the whole state, or the variables changed."""
    state = folder / "state"
    runner = [sys.executable, str(PROGRAMS / "with_dill.py"), way, str(interval), str(state)]
    sample = measure([*runner, *words], folder)
    times = Path(f"{state}.times")
    rows = [json.loads(line) for line in times.read_text().splitlines()] if times.exists() else []
    return {**sample, "pauses": [row[0] for row in rows], "bytes": [row[1] for row in rows]}


def kill_and_resume(words: list[str], folder: Path, interval: float) -> tuple[float, float] | None:
    """Kill a run at a random instant after two versions.

    Units:
        Seconds of work that are done again, and from the resume to the first new line.
    """
    store = folder / "store"
    options = [f"--dart-store={store}", f"--dart-interval={interval}"]
    started = subprocess.Popen(
        [sys.executable, "-m", "dartslurm", *options, *words],
        stdout=subprocess.DEVNULL, env=environment(), cwd=folder,
    )  # fmt: skip
    while started.poll() is None and len(list(store.glob("runs/*/versions/*"))) < 3:
        time.sleep(0.05)
    time.sleep(random.Random(len(words[0])).uniform(0.0, interval))
    if started.poll() is not None:
        return None
    started.send_signal(signal.SIGKILL)
    killed = time.time()
    started.wait()
    lines = journal(store)
    number = sum("number" in line for line in lines)  # only what is committed serves
    taken = [line["time_utc"] for line in lines if line["event"] == "captured"]
    lost = killed - taken[number - 1]
    began = time.perf_counter()
    again = subprocess.Popen(
        [sys.executable, "-c", RESUME, "--here", f"--dart-store={store}"],
        stdout=subprocess.PIPE, env=environment(), cwd=folder,
    )  # fmt: skip
    line = again.stdout.readline() if again.stdout is not None else b""
    seconds = time.perf_counter() - began
    again.kill()
    again.wait()
    return (lost, seconds) if line else None


def steps_for(program: str, scale: float, seconds: float, folder: Path) -> int:
    """Find how many steps a plain run of about ``seconds`` has."""
    runs = [
        measure([sys.executable, program, str(steps), str(scale)], folder)["wall"]
        for steps in (1, 3)
    ]
    return max(3, int((seconds - runs[0]) / max(0.005, (runs[1] - runs[0]) / 2)))


def run_workload(name: str, chosen: argparse.Namespace) -> Sample:
    """Run the pairs of one workload."""
    program = str(PROGRAMS / f"{name}.py")
    ways: dict[str, Any] = {"plain": None}
    for interval in chosen.intervals:
        ways[f"ours {interval:g} s"] = (ours, f"--dart-interval={interval}")
    for percent in chosen.budgets:
        ways[f"ours, at most {percent:g} %"] = (ours, f"--dart-overhead={percent}")
    for way in ("whole", "changed"):
        ways[f"dill, {way}, {chosen.intervals[0]:g} s"] = (dill, chosen.intervals[0], way)
    samples: dict[str, list[Sample]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as room:
        steps = steps_for(program, chosen.scale, chosen.seconds, Path(room))
        words = [program, str(steps), str(chosen.scale)]
        names = list(ways)
        for pair in range(chosen.pairs):
            for way in names[pair % len(names) :] + names[: pair % len(names)]:
                say(f"{name}: pair {pair + 1} of {chosen.pairs}, {way}")
                samples[way].append(_one(ways[way], words, Path(room)))
        folder = Path(room, "resume")
        folder.mkdir()
        say(f"{name}: resume")
        resumed = kill_and_resume(words, folder, chosen.intervals[0])
    outputs = {sample.pop("output") for way in samples.values() for sample in way}
    return {
        "name": name, "steps": steps, "equal_output": len(outputs) == 1, "resume": resumed,
        "interval": chosen.intervals[0],
        "samples": samples,
    }  # fmt: skip


def _one(way: Any, words: list[str], room: Path) -> Sample:
    folder = room / "run"
    folder.mkdir()
    try:
        if way is None:
            return measure([sys.executable, *words], folder)
        run, *how = way
        sample: Sample = run(words, folder, *how)
        return sample
    finally:
        shutil.rmtree(folder)


def say(text: str) -> None:
    """Show progress."""
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def overhead(samples: dict[str, list[Sample]], way: str, clock: str) -> tuple[float, float, float]:
    """Return the median overhead and its interval.

    Units:
        Percent.
    """
    ratios = [
        100 * (one[clock] / plain[clock] - 1)
        for one, plain in zip(samples[way], samples["plain"], strict=True)
    ]
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    return statistics.median(ratios), medians[50], medians[1949]


def rows_of(result: Sample) -> list[list[str]]:
    """Return the table's rows for one workload."""
    samples = result["samples"]
    rows = []
    for way in samples:
        if way == "plain":
            continue
        pauses = sorted(p for one in samples[way] for p in one["pauses"])
        written = [b for one in samples[way] for b in one["bytes"]]
        memory = statistics.median(
            one["memory"] - plain["memory"]
            for one, plain in zip(samples[way], samples["plain"], strict=True)
        )
        is_resumed = result["resume"] and way == f"ours {result['interval']:g} s"
        wall, cpu = (overhead(samples, way, clock) for clock in ("wall", "cpu"))
        rows.append([
            result["name"], way, "{:+.1f} [{:+.1f}, {:+.1f}]".format(*wall),
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(*cpu),
            f"{1000 * statistics.median(pauses):.0f}" if pauses else "-",
            f"{1000 * pauses[int(0.99 * (len(pauses) - 1))]:.0f}" if pauses else "-",
            f"{statistics.median(written) / 1e6:.2f}" if written else "-",
            f"{memory / 2**20:+.0f}",
            *([f"{seconds:.1f}" for seconds in result["resume"]] if is_resumed else ["-", "-"]),
            "yes" if result["equal_output"] else "NO",
        ])  # fmt: skip
    return rows


HEAD = [
    "workload", "way", "wall %", "CPU %", "pause ms", "99th ms", "MB/version", "memory MiB",
    "lost s", "resume s", "equal",
]  # fmt: skip


def table(results: list[Sample]) -> str:
    """Lay the results out."""
    rows = [HEAD, *(row for result in results for row in rows_of(result))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def drawn(results: list[Sample]) -> list[Bar]:
    """Give a bar for each workload and way."""
    return [
        Bar(f"{result['name']}, {way}", *overhead(result["samples"], way, "wall"))
        for result in results
        for way in result["samples"]
        if way != "plain"
    ]


def main() -> int:
    """Run, print the table, keep the samples; exit code 1 when an output differed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0, help="of a plain run")
    parser.add_argument("--intervals", type=float, nargs="+", default=[10.0, 60.0])
    parser.add_argument("--budgets", type=float, nargs="*", default=[], help="percent")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--scale", type=float, default=1.0, help="1: the paper's sizes")
    parser.add_argument("--json", type=Path, default=Path("workloads.json"))
    parser.add_argument("--folder", type=Path, help="where stores and dumps are written")
    chosen = parser.parse_args()
    set_threads(chosen.threads)
    results = []
    for name in chosen.only:
        results.append(run_workload(name, chosen))
        settings = {"scale": chosen.scale, "seconds": chosen.seconds, "cores": os.cpu_count(),
                    "threads": chosen.threads,
                    "python": platform.python_version(), "machine": platform.machine()}  # fmt: skip
        chosen.json.write_text(json.dumps({**settings, "workloads": results}, indent=1))
        say("")
    print(table(results))
    picture = chosen.json.with_suffix(".png")
    across = "overhead, % of wall time, with the 95 % interval of the median"
    pictures = [picture] if bars(picture, across, drawn(results)) else []
    write_page(chosen.json.with_suffix(".html"), "What capture costs", [table(results)], pictures)
    return 0 if all(result["equal_output"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
