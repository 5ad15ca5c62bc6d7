"""The project's own source text, parsed once, for the tests of this folder.

Takes nothing; gives every module of the package with its path, text and syntax tree, and the files
that git would put into a commit.
"""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dartslurm"


@dataclass(frozen=True)
class Source:
    """One Python file."""

    name: str
    text: str

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def tree(self) -> ast.Module:
        return _parse(self.text)

    @property
    def module(self) -> str:
        """The dotted name, for a file of the package."""
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def sources(folder: str = "dartslurm") -> tuple[Source, ...]:
    """Return every Python file below a folder of the checkout, in a fixed order."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text()) for path in paths)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files of the checkout that git knows or would take; all where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        left_out = {".git", ".venv", "build", "dist", "__pycache__"}
        return tuple(p for p in ROOT.rglob("*") if p.is_file() and not left_out & set(p.parts))
    names = [name for name in listed.decode().split("\0") if name]
    return tuple(ROOT / name for name in names if (ROOT / name).is_file())
