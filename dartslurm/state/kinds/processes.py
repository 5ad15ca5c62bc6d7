"""Programs that the program has started: those that have ended keep their result.

One that still runs belongs to the ended process and is lost. It must be named: a copy of its
handle would say, for a child that it never had, that it has ended well.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from dartslurm.state.layout import dict_door

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer


def claim(cls: type) -> Reducer | None:
    """Take handles of programs, and processes of ``multiprocessing``."""
    programs: Any = sys.modules.get("subprocess")
    if programs is not None and issubclass(cls, programs.Popen):
        return reduce_program
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and issubclass(cls, process.BaseProcess):
        return reduce_process
    return None


def _status(pid: int) -> int | None:
    """Return how a child has ended, without taking the news from the program."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return None
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def reduce_program(program: Any, writer: Writer) -> Reduction:
    """Reduce a ``Popen``: only one that has ended can travel."""
    namespace = vars(program)
    code = namespace.get("returncode")
    if code is None and "pid" in namespace:
        code = _status(program.pid)
        if code is None:
            return writer.refuse(program, f"a program that is running (process {program.pid})")
    state = {name: value for name, value in namespace.items() if name != "_waitpid_lock"}
    writer.defer(fill_program, program, {**state, "returncode": code})
    return make_program, (type(program),)


def make_program(cls: Any) -> Any:
    """Rebuild the handle of an ended program."""
    return cls.__new__(cls)


def fill_program(program: Any, state: dict[str, Any]) -> None:
    """Give the handle of an ended program its result."""
    vars(program).update(state)
    program._waitpid_lock = sys.modules["threading"].Lock()


def reduce_process(process: Any, writer: Writer) -> Reduction:
    """Reduce a ``Process``: one that has not begun, or has ended."""
    known = writer.known(process)
    if known is not None:
        return known
    namespace = dict_door(type(process)).__get__(process)
    started = namespace.get("_popen")
    if started is None:
        return writer.raw(process) or writer.own(process)
    if getattr(started, "returncode", None) is None and _status(started.pid) is None:
        return writer.refuse(process, f"a process that is running (process {started.pid})")
    writer.defer(fill_process, process, namespace)
    return make_program, (type(process),)


def fill_process(process: Any, state: dict[str, Any]) -> None:
    """Give an ended process its state; it counts as a child of this process."""
    vars(process).update(state)
    process._parent_pid = os.getpid()
