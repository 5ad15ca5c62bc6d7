"""The lower line: from a committed version to a program that goes on.

    store.reader → state.modules → state.pickler → state.outside → stack.thaw

`resume` is called in a fresh process of the same interpreter; it imports what the program had
imported, rebuilds its modules and objects, puts the outside back (files, random state, …) and
returns the function that goes on in the middle of the innermost frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dartslurm.errors import MismatchError
from dartslurm.interpreter.layouts import PYTHON_MINOR
from dartslurm.stack.image import thaw_stack
from dartslurm.state.modules import fill_module, import_recorded, make_user_modules, order_modules
from dartslurm.state.outside import files, surroundings
from dartslurm.state.pickler import load_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.state.outside.undo_log import UndoLog
    from dartslurm.store.reader import VersionReader


def resume(reader: VersionReader, log: UndoLog, tails: str) -> tuple[Callable[[], Any], list[str]]:
    """Rebuild the program of one version; calling the function returned lets it go on.

    ``log`` knows how to undo what was changed outside since the version; ``tails`` is the folder
    that keeps what is newer.

    Returns:
        The function, and a line for each thing outside that is not as it was.

    Raises:
        MismatchError: if this interpreter is of another minor version.
        CorruptError: if a piece of the version fails its checksum.
    """
    header = reader.meta["header"]
    _check_interpreter(reader)
    notes = files.restore(reader.meta["files"], log, tails)  # its folder is there again
    notes += surroundings.restore_before(reader.meta["surroundings"])
    notes += [f"module {name} could not be imported" for name in import_recorded(header)]
    modules = make_user_modules(header)
    root: Any = load_state(
        reader.stream("state"), reader.leaf, header, lambda i: reader.stream(f"part/{i}")
    )
    for name, items in root["modules"].items():
        fill_module(modules[name], items)
    order_modules(header)
    notes += surroundings.restore_after(root["outside"])
    return thaw_stack(root["frames"]), notes


def _check_interpreter(reader: VersionReader) -> None:
    before = str(reader.meta.get("python", PYTHON_MINOR))
    if before.split(".")[:2] != PYTHON_MINOR.split("."):
        raise MismatchError(
            f"version {reader.version.number} was made by Python {before}, this is {PYTHON_MINOR}",
            remedy=f"resume it with Python {'.'.join(before.split('.')[:2])}",
        )
