"""The programs of the corpus, and how each is started.

Takes the folder ``tests/corpus``; gives one `Program` for each program in it. A family is a
sub-folder; a program is a ``.py`` file there, or a package folder that is started with ``-m``.
A program of the corpus knows nothing of the capture, prints the same bytes on every run, reads
and writes in its working directory only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dartslurm.drill.bench import Subject

CORPUS = Path(__file__).resolve().parents[1] / "corpus"

SMALL = "small"
"""Programs with few statements: stopped at every safe point."""

HEAVY = {"learning", "torch"}
"""Families whose libraries take seconds to import."""

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "apps/report.py": ("--rows", "4000", "--top", "5", "--verbose", "north", "south"),
    "apps/bank.py": ("--seed", "11", "--days", "2400"),
    "apps/wordcount.py": ("corpus.txt", "-n", "12"),
}

ONE_LINERS: dict[str, str] = {
    "collatz": """
best = (0, 0)
for start in range(1, 90000):
    length, n = 1, start
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        length += 1
    if length > best[0]:
        best = (length, start)
        print("longest", best, flush=True)
print("done", best)
""",
    "tiny": "t = 0\nfor i in range(4):\n    t += i\n    print(i, t)\n",
}


HELD_STILL = {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
"""What makes output depend on the machine's load or on the terminal."""


@dataclass(frozen=True)
class Program(Subject):
    """One program of the corpus."""

    family: str = ""

    @property
    def small(self) -> bool:
        """Whether it is small enough to be stopped at every safe point."""
        return self.family == SMALL or self.name.endswith("tiny")

    @property
    def heavy(self) -> bool:
        """Whether one start of it takes seconds."""
        return self.family in HEAVY


def programs() -> list[Program]:
    """Return the whole corpus, in a fixed order."""
    found = [_script(path) for path in sorted(CORPUS.glob("*/*.py"))]
    found += [_package(path.parent) for path in sorted(CORPUS.glob("packages/*/__main__.py"))]
    found += [_program(f"code/{name}", "code", ("-c", code)) for name, code in ONE_LINERS.items()]
    return found


def program(name: str) -> Program:
    """Return the program of that name, or the script at that path."""
    for one in programs():
        if name in (one.name, one.name.removesuffix(".py")):
            return one
    path = Path(name).resolve()
    if not path.is_file():
        raise SystemExit(f"no program {name!r} in {CORPUS}; name one as family/name.py")
    return _program(path.name, "other", (str(path),))


def _program(name: str, family: str, argv: tuple[str, ...], path: str = "") -> Program:
    return Program(name, argv, {**HELD_STILL, "PYTHONPATH": path}, family=family)


def _script(path: Path) -> Program:
    name = f"{path.parent.name}/{path.name}"
    return _program(name, path.parent.name, (str(path), *ARGUMENTS.get(name, ())))


def _package(folder: Path) -> Program:
    argv = ("-m", folder.name, "7")
    return _program(f"packages/{folder.name}", "packages", argv, path=str(folder.parent))
