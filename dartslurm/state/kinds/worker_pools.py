"""``multiprocessing.Pool``: threads and workers begun anew, tasks in hand given out again.

Unlike an executor, a pool forgets a task once it has been written to the pipe; its table of results
knows only how many are missing. So `prepare` puts a `Feed` between each new pool and its pipe: it
notes each task until its result has come back. At a resume those tasks come first, then the rest of
the sequence that was being written, then what is queued.

The threads are waited for where nothing is half done: the one that minds the workers in its wait
for one to end, the one that hands out tasks where it waits for a sequence or for room in the pipe,
and the one that takes results in, where the next message is not read to its end.

A ``ThreadPool`` has the same three threads. Two of them, and its workers, go on as any thread does.

Source:
    ``multiprocessing/pool.py`` of CPython 3.11 to 3.13.
"""

from __future__ import annotations

import os
from contextlib import suppress
from multiprocessing import connection, pool, queues, util
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.interpreter.frames import codes
from dartslurm.state import threads
from dartslurm.state.kinds.instances import fill_dict

if TYPE_CHECKING:
    from types import FrameType

    from dartslurm.state.contract import Reducer, Reduction, Writer

BUSY = frozenset(
    ("multiprocessing.pool", f"Pool.{name}") for name in ("__init__", "_terminate_pool")
)
_Pool: Any = pool.Pool
_MINDS, _HANDS_OUT, _TAKES_IN = (
    f"Pool.{name}" for name in ("_handle_workers", "_handle_tasks", "_handle_results")
)
_OF_PROCESS = ("_inqueue", "_outqueue", "_change_notifier", "_quick_put", "_quick_get",
               "_worker_handler", "_task_handler", "_result_handler", "_terminate")  # fmt: skip


class Minding(NamedTuple):
    """The arguments of the thread that minds the workers."""

    cache: Any
    taskqueue: Any
    ctx: Any
    make: Any
    processes: int
    workers: list[Any]
    inqueue: Any
    outqueue: Any
    initializer: Any
    initargs: Any
    maxtasksperchild: Any
    wrap_exception: bool
    sentinels: list[Any]
    change_notifier: Any

    @property
    def has_processes(self) -> bool:
        """Whether it is no pool of threads."""
        return isinstance(self.outqueue, queues.SimpleQueue)


class Feed:
    """Stands for a pool's queue of sequences, and knows which tasks are in the workers' hands."""

    def __init__(self, get: Any) -> None:
        self._get = get
        self.sequences: Any = None
        self.in_hand: dict[Any, Any] = {}
        """Tasks without a result, by job and number."""
        self.current: Any = None
        self.last = -1
        self.again: list[Any] = []
        """Sequences that come first, after a resume."""

    def put(self, sequence: Any) -> None:
        """Queue a sequence of tasks, and who is told its length."""
        self.sequences.put(sequence)

    def get(self) -> Any:
        """Return the next sequence, and who is told its length."""
        self.current, self.last = None, -1
        self.current = found = self.again.pop(0) if self.again else self.sequences.get()
        return found and (map(self._note, found[0]), found[1])

    def _note(self, task: Any) -> Any:
        """Note a task; here, because who puts it may fail, and the traceback is the program's."""
        self.in_hand[task[:2]], self.last = task, task[1]
        return task

    def take(self) -> Any:
        """Return the next result."""
        result = self._get()
        if result is not None:
            self.in_hand.pop(result[:2], None)
        return result

    def begin_again(self, jobs: Any) -> None:
        """Put first what had not come back; ``jobs`` are those that anybody waits for."""
        tasks = [task for key, task in sorted(self.in_hand.items()) if key[0] in jobs]
        rest: list[Any] = [(iter(tasks), None)] if tasks else []
        if self.current is not None:
            sequence, tell = self.current
            rest.append((sequence, tell and Length(tell, self.last)))
        self.again = rest + self.again
        self.in_hand, self.current = {}, None


class Length:
    """Tells the length of a sequence of which the first tasks were handed out before."""

    def __init__(self, tell: Any, last: int) -> None:
        self._tell, self._last = tell, last

    def __call__(self, length: int) -> None:
        """Take what was counted since."""
        self._tell(length or self._last + 1)


# --- the threads -------------------------------------------------------------------------------


def _role(thread: Any) -> str | None:
    """Return which of a pool's threads it is, by its function's name."""
    target = getattr(thread, "_target", None) if type(thread) is Thread else None
    ours = getattr(target, "__module__", None) == pool.__name__
    name = getattr(target, "__qualname__", None) if ours else None
    return name if name in (_MINDS, _HANDS_OUT, _TAKES_IN) else None


def _arguments(thread: Any) -> Any:
    return vars(thread)["_args"]


def _feed_of(thread: Any, role: Any) -> Feed | None:
    found = _arguments(thread)[0 if role == _HANDS_OUT else 1]
    found = found if role == _HANDS_OUT else getattr(found, "__self__", None)
    return found if type(found) is Feed else None


def _has_processes(thread: Any, role: Any) -> bool:
    index = {_MINDS: 7, _HANDS_OUT: 2, _TAKES_IN: 0}.get(role)
    return index is not None and isinstance(_arguments(thread)[index], queues.SimpleQueue)


def _minders(found: Any) -> list[Minding]:
    return [Minding(*_arguments(thread)) for thread in found if _role(thread) == _MINDS]


def prepare() -> None:
    """Have each pool made from now on tell us its tasks."""
    set_up, sentinels = _Pool._setup_queues, _Pool._get_sentinels

    def _setup_queues(self: Any) -> None:
        set_up(self)
        self._quick_get = Feed(self._quick_get).take

    def _get_sentinels(self: Any) -> Any:
        feed = getattr(self._quick_get, "__self__", None)
        if type(feed) is Feed:
            feed.sequences, self._taskqueue = self._taskqueue, feed
        return sentinels(self)

    _Pool._setup_queues, _Pool._get_sentinels = _setup_queues, _get_sentinels


def service(thread: Any, frame: FrameType, is_waiting: bool) -> str | None:
    """Tell whether a pool's thread has nothing half done: see `dartslurm.state.services`."""
    role = _role(thread)
    if role is None:
        return None
    if role == _MINDS:
        at_rest = connection.wait.__code__ in codes(frame)
    elif not _has_processes(thread, role):
        return None
    elif _feed_of(thread, role) is None:
        return "a pool's tasks are not known"
    elif role == _HANDS_OUT:
        waits = frame.f_code is Feed.get.__code__ and is_waiting
        at_rest = waits or connection.Connection._send.__code__ in codes(frame)  # type: ignore[attr-defined]
    else:
        at_rest = connection.Connection._recv.__code__ in codes(frame)  # type: ignore[attr-defined]
    return "" if at_rest else "a pool hands tasks or results on"


def has_work(thread: Any) -> bool:
    """Tell whether results are awaited of a pool."""
    role = _role(thread)
    if role is None:
        return False
    served = role == _MINDS or _has_processes(thread, role)
    return served and bool(_arguments(thread)[0 if role == _MINDS else -1])


def revive(thread: Any) -> None:
    """Start the workers again, and hand out first what they had not brought back."""
    role = _role(thread)
    if role == _HANDS_OUT:
        feed = _feed_of(thread, role)
        if feed is not None:
            feed.begin_again(_arguments(thread)[4])
    elif role == _MINDS:
        found = Minding(*_arguments(thread))
        if found.has_processes:
            found.workers.clear()
            _Pool._repopulate_pool_static(
                found.ctx, found.make, found.processes, found.workers, found.inqueue,
                found.outqueue, found.initializer, found.initargs, found.maxtasksperchild,
                found.wrap_exception,
            )  # fmt: skip
        found.change_notifier.put(None)


def spoil(thread: Any, error: BaseException) -> None:
    """Let those who wait for a pool know that it could not be made again."""
    if _role(thread) == _MINDS:
        for result in list(_arguments(thread)[0].values()):
            with suppress(Exception):
                result._success, result._value = False, error
                result._event.set()


# --- what belongs to a pool --------------------------------------------------------------------


def holdings() -> list[tuple[Any, list[Any], list[Any]]]:
    """Return of each pool in this capture its context, its queues and its workers."""
    return [
        (
            found.ctx,
            [found.change_notifier, *((found.inqueue, found.outqueue) * found.has_processes)],
            found.workers if found.has_processes else [],
        )
        for found in _minders(threads.serving())
    ]


def reduce_pool(held: Any, writer: Writer) -> Reduction:
    """Reduce a pool: one that has ended has nothing of this process any more."""
    minder = vars(held).get("_worker_handler")
    if any(minder is one for one in threads.serving()):
        return writer.raw(held) or writer.own(held)
    gone = dict.fromkeys(_OF_PROCESS)
    kept: dict[str, Any] = {"_pool": [], "_cache": {}}
    writer.defer(fill_dict, held, {**vars(held), **gone, **kept})
    return object.__new__, (type(held),)


def reduce_finalizer(finalizer: Any, writer: Writer) -> Reduction:
    """Reduce what ``multiprocessing`` does when an object dies, or at the end."""
    if util._finalizer_registry.get(finalizer._key) is finalizer:  # type: ignore[attr-defined]
        writer.defer(register, finalizer, vars(finalizer))
    else:
        writer.defer(fill_dict, finalizer, dict.fromkeys(vars(finalizer)))
    return object.__new__, (type(finalizer),)


def register(finalizer: Any, state: dict[str, Any]) -> None:
    """Arm a finalizer in this process."""
    vars(finalizer).update(state)
    number = next(util._finalizer_counter)  # type: ignore[attr-defined]
    finalizer._key = (state["_key"][0], number)
    finalizer._pid = os.getpid()
    util._finalizer_registry[finalizer._key] = finalizer  # type: ignore[attr-defined]


def claim(cls: type) -> Reducer | None:
    """Take pools, and what ends them."""
    if issubclass(cls, _Pool):
        return reduce_pool
    return reduce_finalizer if issubclass(cls, util.Finalize) else None
