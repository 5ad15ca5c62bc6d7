"""The lower line: from a committed version to a program that goes on.

    store.reader → state.modules → state.pickler → state.outside → stack.thaw

`resume` is called in a fresh process of the same interpreter; it imports what the program had
imported, rebuilds its modules and objects, puts the outside back (files, random state, …) and
returns the function that goes on in the middle of the innermost frame.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.errors import MismatchError
from dartslurm.interpreter.layouts import PYTHON_MINOR
from dartslurm.stack.image import thaw_stack
from dartslurm.stack.threads import Seat, fill_seats, release_seats, take_seats
from dartslurm.state import in_progress, services, threads
from dartslurm.state.modules import (
    fill_module,
    import_recorded,
    make_user_modules,
    order_modules,
)
from dartslurm.state.outside import files, surroundings
from dartslurm.state.pickler import load_state
from dartslurm.state.shadows import uncover

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.outside.undo_log import UndoLog
    from dartslurm.store.reader import VersionReader


def resume(
    reader: VersionReader, log: UndoLog, tails: str
) -> tuple[Callable[[], Any], Callable[[], None], list[str]]:
    """Rebuild the program of one version; calling the first function returned lets it go on.

    The second one lets the other threads go on, which sit in their new threads by then.

    ``log`` knows how to undo what was changed outside since the version; ``tails`` is the folder
    that keeps what is newer.

    Returns:
        The functions, and a line for each thing outside that is not as it was.

    Raises:
        MismatchError: if this interpreter is of another minor version.
        CorruptError: if a piece of the version fails its checksum.
    """
    header = reader.meta["header"]
    _check_interpreter(reader)
    notes = files.restore(reader.meta["files"], log, tails)  # its folder is there again
    notes += surroundings.restore_before(reader.meta["surroundings"])
    uncover(sys.path[0])
    notes += [f"module {name} could not be imported" for name in import_recorded(header)]
    modules = make_user_modules(header)
    before = reader.meta.get("threads") or {"main": 0, "others": []}
    seats = take_seats([bool(row["daemon"]) for row in before["others"]])
    numbers = {before["main"]: get_ident()} if before["main"] else {}
    for row, seat in zip(before["others"], seats, strict=True):
        numbers[row["ident"]] = seat.ident
        threads.living[seat.ident] = threads.Living(end=seat.end, acts=seat.acts)
    stream = threads.renumber(reader.stream("state"), numbers)
    root: Any = load_state(stream, reader.leaf, header, lambda i: reader.stream(f"part/{i}"), notes)
    for name, items in root["modules"].items():
        fill_module(modules[name], items)
    order_modules(header)
    notes += surroundings.restore_after(root["outside"])
    in_progress.restore(root["in_progress"])
    frozen, starts = iter(root.get("threads", ())), []
    for row, seat in zip(before["others"], seats, strict=True):
        if row.get("serves"):
            found, start = services.begin_anew(seat.ident)
        else:
            found = next(frozen)
            start = thaw_stack(found["frames"])
        threads.restore(seat.ident, seat.native_id, found)
        starts.append(start)
    fill_seats(seats, starts)
    threads.leave()
    return thaw_stack(root["frames"]), partial(_begin_others, seats), notes


def _begin_others(seats: list[Seat]) -> None:
    services.begin()
    release_seats(seats)


def _check_interpreter(reader: VersionReader) -> None:
    before = str(reader.meta.get("python", PYTHON_MINOR))
    if before.split(".")[:2] != PYTHON_MINOR.split("."):
        raise MismatchError(
            f"version {reader.version.number} was made by Python {before}, this is {PYTHON_MINOR}",
            remedy=f"resume it with Python {'.'.join(before.split('.')[:2])}",
        )
