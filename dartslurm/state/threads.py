"""What a thread has of its own: its object, its place in `threading`, its context.

`collect` takes it for each other thread; `restore` gives it to the new threads. In between,
`living` tells the kinds (locks, thread-locals) which threads there are: at a capture the program's,
at a load those that will go on. The number by which Python knows a thread changes; `renumber` puts
the new one wherever the graph holds the old one: as keys, as owners of locks, as variables.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import original
from dartslurm.interpreter.frames import address, slot
from dartslurm.interpreter.threads import context_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


@dataclass(slots=True)
class Living:
    """One thread: ``end`` is what a join waits on; ``acts`` is what it must do itself."""

    state: int = 0
    thread: Any = None
    end: Any = None
    acts: list[Callable[[], None]] = field(default_factory=list)
    serves: bool = False
    """Whether it is begun anew instead of going on: see `dartslurm.state.services`."""
    is_met: bool = False
    """Whether the walk over the objects has come to such a thread: else it is left out."""


living: dict[int, Living] = {}
"""The other threads, by identity, while a capture or a load is in progress."""


def enter(
    states: dict[int, int], frames: dict[int, FrameType], serving: dict[int, FrameType]
) -> None:
    """Make the threads of a capture known; ``states`` gives their ``PyThreadState``."""
    for ident, frame in {**frames, **serving}.items():
        thread = thread_of(ident, frame)
        end = getattr(thread, "_tstate_lock", None) or getattr(thread, "_handle", None)
        living[ident] = Living(states.get(ident, 0), thread, end, serves=ident in serving)


def leave() -> None:
    """Forget them."""
    living.clear()


def serving() -> list[Any]:
    """Return the threads that serve objects, while a capture is in progress."""
    return [one.thread for one in living.values() if one.serves and one.thread is not None]


def thread_of(ident: int, frame: FrameType) -> Any:
    """Return the ``Thread`` object: the one that the thread's first frame belongs to."""
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    first = threading.Thread._bootstrap.__code__
    walk: FrameType | None = frame
    while walk is not None:
        if original(walk.f_code) is first:
            return slot(address(walk), 0)
        walk = walk.f_back
    return threading._active.get(ident)


def collect(ident: int) -> dict[str, Any]:
    """Return what the thread has of its own, to be pickled."""
    thread = living[ident].thread
    threading = sys.modules.get("threading")
    pools = sys.modules.get("concurrent.futures.thread")
    return {
        "thread": thread,
        "active": threading is not None and ident in threading._active,
        "limbo": threading is not None and thread in threading._limbo,
        "queue": pools._threads_queues.get(thread) if pools is not None and thread else None,
        "variables": [
            (variable, value)
            for variable, value in context_of(living[ident].state)
            if type(value).__name__ != "PyCapsule"
        ],
    }


def is_daemon(ident: int) -> bool:
    """Tell whether the interpreter's end does not wait for the thread."""
    thread = living[ident].thread
    return thread is None or bool(thread._daemonic)


def facts(places: dict[int, str]) -> list[dict[str, Any]]:
    """Return what a new process must know before it loads: whom it has to start a thread for.

    ``places`` gives where each thread stands that goes on.
    """
    going_on = [{"ident": i, "daemon": is_daemon(i), "place": place} for i, place in places.items()]
    anew = [i for i, one in living.items() if one.is_met]
    return going_on + [{"ident": i, "daemon": is_daemon(i), "serves": True} for i in anew]


def restore(ident: int, native_id: int, found: dict[str, Any]) -> None:
    """Give a new thread what the old one had; what only it can do is left in its ``acts``."""
    living[ident].acts[:0] = [partial(_set, *item) for item in found["variables"]]
    thread = found["thread"]
    if thread is None:
        return
    threading: Any = sys.modules["threading"]
    thread._ident = ident
    if hasattr(thread, "_native_id"):
        thread._native_id = native_id
    if found["active"]:
        threading._active[ident] = thread
    if found["limbo"]:
        threading._limbo[thread] = thread
    threading._dangling.add(thread)
    lock = getattr(thread, "_tstate_lock", None)
    if lock is not None and not thread._daemonic:
        threading._shutdown_locks.add(lock)
    if found["queue"] is not None:
        sys.modules["concurrent.futures.thread"]._threads_queues[thread] = found["queue"]


def _set(variable: Any, value: Any) -> None:
    if variable.name == "decimal_context":
        sys.modules["decimal"].setcontext(value)
    else:
        variable.set(value)


def renumber(stream: bytes, numbers: dict[int, int]) -> bytes:
    """Put the new identities of threads into a pickle, in place of the old ones.

    They are addresses, so nothing else has these values; the length of each does not change.
    """
    changes = {}
    for old, new in numbers.items():
        written = _as_pickled(old)
        changes[written] = written[:2] + new.to_bytes(len(written) - 2, "little", signed=True)
    if all(old == new for old, new in changes.items()):
        return stream
    pattern = re.compile(b"|".join(map(re.escape, changes)), re.DOTALL)
    return pattern.sub(lambda match: changes[match.group()], stream)


def _as_pickled(number: int) -> bytes:
    length = (number.bit_length() >> 3) + 1
    return b"\x8a" + bytes((length,)) + number.to_bytes(length, "little", signed=True)
