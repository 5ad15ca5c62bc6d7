"""The processes of this job on this node, as the kernel lists them.

Takes process ids; gives who descends from whom, and stops, signals or kills them. Keeps: a
process is only ever signalled under the start time it was seen with, so a number that the kernel
has given to somebody else is left alone.

Source:
    proc(5): fields 2 (name), 3 (state), 4 (parent) and 22 (start) of ``/proc/PID/stat``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

LAUNCHERS = frozenset({"srun", "mpirun", "mpiexec", "mpiexec.hydra", "prterun", "orterun"})
"""Programs whose work runs outside our tree: they must live as long as that work."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one instant."""

    pid: int
    start: int
    parent: int
    name: str
    state: str


def look_up(pid: int) -> Process | None:
    """Describe a process; ``None`` if there is none or it is only waiting to be collected."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
    except OSError:
        return None
    name = stat[stat.index("(") + 1 : stat.rindex(")")]
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]), int(fields[1]), name, fields[0])


def below(root: int) -> list[Process]:
    """Every living descendant of a process, parents before children."""
    children: dict[int, list[Process]] = {}
    for entry in os.listdir("/proc"):
        found = look_up(int(entry)) if entry.isdigit() else None
        if found:
            children.setdefault(found.parent, []).append(found)
    order: list[Process] = []
    waiting = [root]
    while waiting:
        nearest = children.pop(waiting.pop(0), [])
        order += nearest
        waiting += [each.pid for each in nearest]
    return order


def alive(pid: int, start: int) -> bool:
    """Tell whether the process that was seen with this start still lives."""
    found = look_up(pid)
    return found is not None and found.start == start


def send(process: Process, sign: signal.Signals) -> None:
    """Signal a process if it is still the one that was seen."""
    if alive(process.pid, process.start):
        try:
            os.kill(process.pid, sign)
        except (ProcessLookupError, PermissionError):
            pass


def callers(of: set[int], tree: list[Process]) -> list[Process]:
    """The processes of the tree above the given ones: shells, ``time``, ``timeout`` and the like.

    They wait for a program and would go on to the next command when it leaves.
    """
    known = {each.pid: each for each in tree}
    found: dict[int, Process] = {}
    for pid in of:
        above = known.get(pid)
        while above is not None:
            above = known.get(above.parent)
            if above is not None and above.pid not in of:
                found[above.pid] = above
    return list(found.values())
