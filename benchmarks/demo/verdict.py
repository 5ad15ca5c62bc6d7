"""Compare what the two runs left, byte for byte.

Takes the folders of the two runs; gives every output of either with its size and SHA-256 digest,
and prints both standard outputs side by side. An output that only one run has is a difference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from benchmarks.demo.ordeal import Ordeal

LINES_SHOWN = 14


@dataclass(frozen=True)
class Comparison:
    """One output as both runs left it; ``None`` where a run has it not."""

    name: str
    plain: bytes | None
    captured: bytes | None

    @property
    def equal(self) -> bool:
        """Tell whether both runs left the same bytes."""
        return self.plain is not None and self.plain == self.captured


def compare(ordeal: Ordeal) -> list[Comparison]:
    """Read the standard output and every file that either run wrote."""
    left, right = _outputs(ordeal.plain.folder), _outputs(ordeal.captured.folder)
    return [Comparison(name, left.get(name), right.get(name)) for name in sorted({*left, *right})]


def _outputs(folder: Path) -> dict[str, bytes]:
    found = {"standard output": (folder / "output.txt").read_bytes()}
    for path in (folder / "files").rglob("*"):
        if path.is_file():
            found[str(path.relative_to(folder / "files"))] = path.read_bytes()
    return found


def show(console: Console, ordeal: Ordeal, outputs: list[Comparison]) -> bool:
    """Print the kills, both outputs, the digests and the verdict; return the verdict."""
    console.print(_kill_table(ordeal))
    standard = next(output for output in outputs if output.name == "standard output")
    console.print(_side_by_side(standard))
    _print_digests(console, outputs)
    different = [output.name for output in outputs if not output.equal]
    enough = len(ordeal.kills) >= ordeal.kills_wanted
    if different:
        console.print(f"[bold red]DIFFERENT[/]: {', '.join(different)}")
    elif not enough:
        console.print(f"[bold red]ended after {len(ordeal.kills)} kills only[/]")
    else:
        console.print(f"[bold green]IDENTICAL[/] after {len(ordeal.kills)} times SIGKILL")
    return enough and not different


def _kill_table(ordeal: Ordeal) -> Table:
    table = Table(title="Kills", title_justify="left")
    for heading in ("SIGKILL", "after", "went on from version", "work redone"):
        table.add_column(heading)
    for number, kill in enumerate(ordeal.kills, start=1):
        version = f"{kill.version} at {kill.place}"
        row = (f"{kill.after_seconds:.1f} s", version, f"{kill.redone_seconds:.1f} s")
        table.add_row(str(number), *row)
    return table


def _side_by_side(output: Comparison) -> Table:
    title = f"Standard output (the last {LINES_SHOWN} lines, and each line that differs)"
    table = Table(title=title, title_justify="left")
    table.add_column("line", min_width=4)
    for heading in ("plain python", "killed and resumed"):
        table.add_column(heading, no_wrap=True)
    left = (output.plain or b"").decode(errors="replace").splitlines()
    right = (output.captured or b"").decode(errors="replace").splitlines()
    first_shown = max(len(left), len(right)) - LINES_SHOWN
    for number, (one, other) in enumerate(zip_longest(left, right), start=1):
        if one != other or number > first_shown:
            style = "" if one == other else "bold red"
            table.add_row(str(number), Text(one or ""), Text(other or ""), style=style)
    return table


def _print_digests(console: Console, outputs: list[Comparison]) -> None:
    console.print("SHA-256", style="italic")
    for output in outputs:
        sign = "[green]equal[/]" if output.equal else "[bold red]different[/]"
        console.print(f"  {output.name}, {len(output.plain or b'')} bytes: {sign}", highlight=False)
        console.print(f"    plain    {_digest(output.plain)}", highlight=False, soft_wrap=True)
        console.print(f"    resumed  {_digest(output.captured)}", highlight=False, soft_wrap=True)


def _digest(content: bytes | None) -> str:
    return "missing" if content is None else hashlib.sha256(content).hexdigest()
