"""The table of objects: every case through a capture and a fresh process; also a command.

    python tests/objects/table.py [NAME …] [--library L] [--write docs/reference/objects.md]

Cases of one library share the two processes (importing takes longer than the case); after a crash
the rest goes on in a new one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases import TABLES, Case, all_cases

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 100.0


@dataclass(frozen=True)
class Result:
    """What became of a case: nothing is wrong, or why."""

    case: Case
    problem: str


def run(cases: list[Case], folder: Path) -> list[Result]:
    """Carry cases through two processes, those after a crash through two more."""
    folder.mkdir(parents=True)
    (folder / "cases").write_text("\n".join(case.to_json() for case in cases))
    said = {"dump": _side("dump", folder), "load": _side("load", folder)}
    results: list[Result] = []
    for number, case in enumerate(cases):
        problem = said["dump"].get(number, "not reached")
        if case.lost:
            problem = "" if problem else "nothing is said to be lost"
        elif not problem:
            problem = said["load"].get(number, "not reached")
        if problem == "not reached":
            return results + run(cases[number:], folder / "rest")
        results.append(Result(case, problem))
    return results


def _side(side: str, folder: Path) -> dict[int, str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "1" if side == "dump" else "2",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
    }
    (folder / "elsewhere").mkdir(exist_ok=True)
    with (folder / f"{side}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/objects/carry.py"), side, str(folder)],
            env=environment, cwd=folder / "elsewhere", stdout=log, stderr=log,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            ended = f"the process ended with {process.wait(SECONDS)} during the {side}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended = f"the {side} took more than {SECONDS:.0f} s"
    if os.environ.get("OBJECTS_TRACEBACK"):
        print((folder / f"{side}.log").read_text(errors="replace"))
    rows = [json.loads(line) for line in (folder / side).read_text().splitlines()]
    return {number: ended if problem is None else problem for number, problem, _ in rows}


def run_all(cases: Iterable[Case], workers: int = 2) -> list[Result]:
    """Carry all cases whose library is installed, those of one library together."""
    there = sorted((case for case in cases if case.is_installed), key=_group)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(workers) as pool:
        parts = [
            pool.submit(run, list(part), Path(name) / str(number))
            for number, (_, part) in enumerate(groupby(there, key=_group))
        ]
        return [result for part in parts for result in part.result()]


def _group(case: Case) -> tuple[str, str, str]:
    return case.table, case.library, case.name if case.alone else ""


def page(cases: list[Case], results: list[Result]) -> str:
    """Return the table as a page of the reference."""
    problems = {result.case: result.problem for result in results}
    lines = [
        _HEAD.strip(),
        "",
        "| Table | Cases | Installed | Round trip passes |",
        "|---|--:|--:|--:|",
    ]
    for table in TABLES:
        mine = [case for case in cases if case.table == table]
        there = [case for case in mine if case in problems]
        passed = [case for case in there if not problems[case]]
        lines.append(f"| {_TITLES[table]} | {len(mine)} | {len(there)} | {len(passed)} |")
    lines += ["", "## What does not pass", ""]
    failed = [result for result in results if result.problem]
    lines += [f"* **{r.case.name}** ({r.case.library}): {_line(r.problem)}" for r in failed] or [
        "Nothing."
    ]
    missing = sorted({case.library for case in cases if case not in problems})
    if missing:
        lines += ["", "## What was not installed", "", f"{', '.join(missing)}."]
    for table in TABLES:
        lines += [
            "",
            f"## {_TITLES[table]}",
            "",
            "| Object | Library | Round trip |",
            "|---|---|---|",
        ]
        lines += [
            f"| {case.name} | {case.library} | {_verdict(case, problems)} |"
            for case in cases
            if case.table == table
        ]
    return "\n".join(lines) + "\n"


def _verdict(case: Case, problems: dict[Case, str]) -> str:
    if case not in problems:
        return "not installed"
    if problems[case]:
        return "**fails**"
    return "named as lost" if case.lost else "passes"


def _line(problem: str) -> str:
    text = _FOLDER.sub("…/", " ".join(problem.split())).replace("|", "\\|").replace("<", "\\<")
    return text if len(text) < 300 else text[:300] + "…"


_FOLDER = re.compile(r"/\S*/(?:home|committed)/")
_TITLES = {
    "kishu": "The class list of Kishu",
    "science": "What scientific programs hold",
    "standard": "The standard library",
}
_HEAD = """
# Objects

Each case makes an object, changes it, captures the program, and goes on in a fresh process with
another hash seed. It passes when the object shows there what it showed at the capture, is the same
object under each of its names, and when the same change, done once more, has the same effect in
both processes. `make objects` runs the table in an environment that has the libraries and writes
this page; the cases are in `tests/objects`.
"""


def main() -> int:
    """Run what the command line asks for; the exit code says whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of the cases' names")
    parser.add_argument("--table", choices=TABLES)
    parser.add_argument("--library")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", metavar="PAGE", help="write the page")
    chosen = parser.parse_args()
    cases = [
        case
        for case in all_cases()
        if chosen.library in (None, case.library)
        and chosen.table in (None, case.table)
        and (not chosen.names or any(name.lower() in case.name.lower() for name in chosen.names))
    ]
    results = run_all(cases, chosen.workers)
    for result in results:
        if result.problem:
            print(f"FAILS {result.case.name} ({result.case.library}): {result.problem}")
    passed = sum(not result.problem for result in results)
    print(f"{passed} of {len(results)} installed pass; {len(cases)} cases")
    if chosen.write:
        Path(chosen.write).write_text(page(cases, results))
    return int(passed < len(results))


if __name__ == "__main__":
    sys.exit(main())
