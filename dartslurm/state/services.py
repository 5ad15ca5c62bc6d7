"""Threads that serve an object of a library, such as a pool's manager: begun anew, never frozen.

Such a thread moves things between queues and processes. It waits on pipes whose other ends are in
processes that end with this one, so its frames are worth nothing to a new process; the object that
it serves, and the work it has in hand, are. So the kind of that object says:

* ``service(thread, frame, is_waiting)``: whether the thread is one of its own, and whether its
  stack is at a place where it has nothing half done. Elsewhere it is waited for.
* ``BUSY``: functions (module, qualified name) in which a thread of the program is half-way through
  the object's own business. As long as one is on a stack the instant will not do.
* ``has_work(thread)``: whether it has work in hand, so that somebody may wait for what it does.
* ``abandon()``: ends the processes that nobody will need, just before this one ends.

A thread with work in hand, or that the version's objects lead to, gets a new thread of the system
under the same ``Thread`` object, which runs the thread's function from its beginning: who joins it
goes on waiting for it. Before that, and after everything else is in its place (workers are forked,
and see the program as it is), the kind's ``revive(thread)`` makes what is served work again, or its
``spoil(thread, error)`` tells those who wait that it cannot.
"""

from __future__ import annotations

import importlib
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.frames import codes
from dartslurm.state import threads
from dartslurm.state.contract import veto
from dartslurm.state.kinds import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

_TO_PREPARE = {
    "multiprocessing.pool": "worker_pools",
    "torch.utils.data.dataloader": "loading",
}
_prepared: set[str] = set()
_acts: list[Callable[[], None]] = []
_revived: list[Any] = []
_place: dict[str, Any] = {"active": True, "limbo": False, "queue": None, "variables": ()}


def imported() -> None:
    """Let the kinds prepare the libraries that have just been imported."""
    for library, kind in _TO_PREPARE.items():
        if library in sys.modules and library not in _prepared:
            _prepared.add(library)
            with suppress(Exception):
                importlib.import_module(f"{registry.__package__}.{kind}").prepare()


def standing(ident: int, frame: FrameType, is_waiting: bool) -> str | None:
    """Tell of a thread whether it is to be left where it is ("") or waited for (why).

    ``None`` is said of a thread that serves no object; ``is_waiting`` is what the kernel says.
    """
    asked = registry.asked("service")
    thread = threads.thread_of(ident, frame) if asked else None
    if thread is None:
        return None
    return next(
        (found for ask in asked if (found := ask(thread, frame, is_waiting)) is not None), None
    )


def check(frames: Iterable[tuple[CodeType, dict[str, Any], Any]]) -> None:
    """Refuse an instant at which a thread of the program is in the middle of a pool's business.

    Raises:
        NotYetError: with the function's name.
    """
    busy = set().union(*registry.asked("BUSY"))
    for code, namespace, _ in frames if busy else ():
        module = namespace.get("__name__")
        if type(module) is str and (module, code.co_qualname) in busy:
            veto(f"{code.co_qualname} is at work", partial(_is_running, code.co_name))


def with_work() -> list[Any]:
    """Return the threads of this capture that must not be left out, whoever leads to them."""
    asked = registry.asked("has_work")
    return [thread for thread in threads.serving() if any(has(thread) for has in asked)]


def _is_running(name: str) -> bool:
    return any(code.co_name == name for code in codes(sys._getframe(1)))


def later(act: Callable[[], None]) -> None:
    """Do ``act`` when the loaded program is about to go on."""
    _acts.append(act)


def begin() -> None:
    """Revive the objects that are served: the whole program is in its place, and about to go on."""
    acts, _acts[:] = _acts[:], []
    for act in acts:
        with suppress(Exception):  # who is served finds that nothing answers
            act()
    found, _revived[:] = _revived[:], []
    for thread in found:
        try:
            for revive in registry.asked("revive"):
                revive(thread)
        except Exception as error:
            for spoil in registry.asked("spoil"):
                spoil(thread, error)


def begin_anew(ident: int) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Return what a new thread gets to be the one that ``ident`` stands for, and its function."""
    thread = threads.living[ident].thread
    if thread is not None:
        _revived.append(thread)
    return {**_place, "thread": thread}, lambda: _run(thread)


def _run(thread: Any) -> None:
    """Do what ``Thread._bootstrap_inner`` does once the thread has a place."""
    if thread is None:  # what it serves could not be rebuilt
        return
    try:
        thread.run()
    except BaseException:
        thread._invoke_excepthook(thread)
    finally:
        thread._delete()


def abandon() -> None:
    """End the processes that nobody will need: this one is about to end.

    A handler of the program must not hear of it: it may raise, and this process would go on.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in registry.asked("abandon"):
        end()
