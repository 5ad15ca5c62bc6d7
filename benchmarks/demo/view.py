"""The live progress view.

Takes an `Ordeal`; gives a table that follows it on a terminal, and one line for each start, kill
and resume, on a terminal or not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table

from benchmarks.demo.ordeal import short_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from benchmarks.demo.ordeal import Ordeal, Process

MIB = 1024 * 1024


@contextmanager
def live_view(console: Console, ordeal: Ordeal) -> Iterator[Callable[[], None]]:
    """Show the ordeal while the block runs; the block calls what it is given to refresh."""
    shown = 0
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def refresh() -> None:
            nonlocal shown
            for event in ordeal.events[shown:]:
                live.console.print(event, highlight=False)
            shown = len(ordeal.events)
            live.update(progress_table(ordeal), refresh=True)

        yield refresh
        refresh()


def progress_table(ordeal: Ordeal) -> Table:
    """Return what is known now: the two programs on the left and right, our figures below."""
    table = Table(expand=False)
    table.add_column("")
    table.add_column("plain python", width=26, no_wrap=True)
    table.add_column("under capture, killed and resumed", width=34, no_wrap=True)
    table.add_row("state", _state(ordeal.plain), _state(ordeal.captured))
    table.add_row("last line", ordeal.plain.last_line(), ordeal.captured.last_line())
    table.add_row("kills", "", f"{len(ordeal.kills)} of {ordeal.kills_wanted}")
    redone = sum(kill.redone_seconds for kill in ordeal.kills)
    table.add_row("redone", "", f"{redone:.1f} s")
    table.add_row("versions", "", str(len(ordeal.versions)))
    if ordeal.versions:
        last = ordeal.versions[-1]
        sizes = f"{last['bytes_total'] / MIB:.2f} MiB, {last['bytes_new'] / MIB:.2f} of it new"
        table.add_row("newest at", "", short_place(last["place"]))
        table.add_row("its size", "", sizes)
        table.add_row("its pause", "", f"{last['pause_seconds'] * 1000:.0f} ms")
    return table


def _state(process: Process) -> str:
    if process.took_seconds is not None:
        return f"finished in {process.took_seconds:.1f} s"
    return "running"
