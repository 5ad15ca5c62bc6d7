"""Executors of processes: made anew with the same settings, outstanding work handed out again.

The executor of ``concurrent.futures`` knows its outstanding work: a function and its arguments for
each future that is not done. All of it lies in the parent; what a worker has is a copy. So a
version takes the executor as it is, with every result that has come. Queues, pipes and their locks
come back empty, the workers are started again (and run the initializer again), and what was in
their hands counts as not begun. The futures are the same objects; who waits for one goes on
waiting. Joblib's loky is a descendant with the same parts.

What that leans on is the manager's thread: it takes a finished item from the table of outstanding
work, and then gives its future the result. So it is waited for until it stands in its wait for the
next message (`service`), where nothing is half done. What it has read there and not handed on yet
is worked out again.

Source:
    ``concurrent/futures/process.py`` of CPython 3.11 to 3.13; ``loky/process_executor.py``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing import connection, context, process, queues
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.frames import codes
from dartslurm.state import threads
from dartslurm.state.contract import Reducer, Reduction, Writer, veto
from dartslurm.state.kinds import processes, registry
from dartslurm.state.layout import layout_of

if TYPE_CHECKING:
    from types import FrameType

_LOKY = ("joblib.externals.loky", "loky")
_EXECUTORS = ("concurrent.futures.process", *(f"{name}.process_executor" for name in _LOKY))
_LOCKS = ("multiprocessing.synchronize", *(f"{name}.backend.synchronize" for name in _LOKY))
BUSY = frozenset(
    [(module, f"ProcessPoolExecutor.{name}") for module in _EXECUTORS
     for name in ("__init__", "submit")]
    + [(f"{name}.reusable_executor", f"_ReusablePoolExecutor.{method}") for name in _LOKY
       for method in ("submit", "_resize", "get_reusable_executor")]
    + [("multiprocessing.queues", "Queue.put"), ("multiprocessing.process", "BaseProcess.start")]
)  # fmt: skip

_PIPES = frozenset(
    "_maxsize _reader _writer _rlock _wlock _opid _sem _notempty _buffer _thread _jointhread "
    "_joincancelled _close _send_bytes _recv_bytes _poll".split()
)
"""What a queue has of its process: a new one has its own."""
_PARTS = ("call_queue", "result_queue", "thread_wakeup", "processes_management_lock")
_OWN_PARTS = ("_call_queue", "_result_queue", "_executor_manager_thread_wakeup",
              "_processes_management_lock")  # fmt: skip


# --- whose an object is ------------------------------------------------------------------------


def _is_manager(thread: Any) -> bool:
    return any(
        type(thread) is module._ExecutorManagerThread
        for name in _EXECUTORS
        if (module := sys.modules.get(name)) is not None
    )


def _managers() -> list[Any]:
    return [thread for thread in threading._active.copy().values() if _is_manager(thread)]  # type: ignore[attr-defined]


def holdings() -> list[tuple[Any, list[Any], list[Any]]]:
    """Return of each executor in this capture its context, its parts and its workers."""
    return [
        (
            _context_of(manager.executor_reference()),
            [vars(manager).get(name) for name in _PARTS],
            list(manager.processes.values()),
        )
        for manager in filter(_is_manager, threads.serving())
    ]


def _all_holdings() -> list[tuple[Any, list[Any], list[Any]]]:
    return [row for found in registry.asked("holdings") for row in found()]


def _owner(part: Any) -> Any:
    """Return the context of whom a queue, a lock or a pipe of this capture belongs to."""
    rows = _all_holdings()
    return next((ctx for ctx, parts, _ in rows if any(part is one for one in parts)), None)


def _context_of(executor: Any) -> Any:
    namespace = vars(executor) if executor is not None else {}
    return namespace.get("_mp_context") or namespace.get("_context") or context._default_context


def claim(cls: type) -> Reducer | None:
    """Take executors, and what each of them has of this process."""
    if issubclass(cls, process.BaseProcess):
        return reduce_worker
    if issubclass(cls, queues.Queue | queues.SimpleQueue) or cls.__name__ == "_ThreadWakeup":
        return reduce_part
    if issubclass(cls, connection.Connection):
        return reduce_end
    if issubclass(cls, context.BaseContext):
        return reduce_context
    if hasattr(cls, "_make_methods") and cls.__module__ in _LOCKS:
        return reduce_part
    return reduce_executor if any(_is_executor(one) for one in cls.__mro__) else None


def _is_executor(cls: type) -> bool:
    return cls.__name__ == "ProcessPoolExecutor" and cls.__module__ in _EXECUTORS


# --- out and back ------------------------------------------------------------------------------


def reduce_context(ctx: Any, writer: Writer) -> Reduction:
    """Reduce a context of ``multiprocessing``: there is one of each name."""
    known = writer.known(ctx)
    if known is not None:
        return known
    name = next((name for name, one in _contexts().items() if one is ctx), None)
    return writer.own(ctx) if name is None else (make_context, (name,))


def _contexts() -> dict[str, Any]:
    found: dict[str, Any] = vars(context)["_concrete_contexts"]
    return found


def make_context(name: str) -> Any:
    """Return the context of that name."""
    return _contexts()[name]


def reduce_worker(worker: Any, writer: Writer) -> Reduction:
    """Reduce a process: a pool's worker is started anew, and nothing of it travels."""
    if any(worker is one for _, _, workers in _all_holdings() for one in workers):
        return nobody, ()
    return processes.reduce_process(worker, writer)


def nobody() -> None:
    """Stand for a worker until there is a new one."""


def reduce_part(part: Any, writer: Writer) -> Reduction:
    """Reduce a queue, a lock or a pipe of an executor: a new one, and empty."""
    ctx = _owner(part)
    if ctx is None:
        return writer.known(part) or writer.raw(part) or writer.own(part)
    *recipe, extra = _recipe(part, ctx)
    if extra:
        writer.defer(fill_part, part, extra)
    return make_part, tuple(recipe)


def _recipe(part: Any, ctx: Any) -> tuple[type, Any, int, dict[str, Any]]:
    namespace = vars(part)
    extra = {}
    if isinstance(part, queues.Queue | queues.SimpleQueue):
        extra = {name: value for name, value in namespace.items() if name not in _PIPES}
    return type(part), ctx, namespace.get("_maxsize", 0), extra


def reduce_end(end: Any, writer: Writer) -> Reduction:
    """Reduce an end of a pipe: that of a pool's queue is the end of the new one."""
    for _, parts, _ in _all_holdings():
        for part in parts:
            for name in ("_reader", "_writer"):
                if getattr(part, name, None) is end:
                    return getattr, (part, name)
    return writer.known(end) or writer.raw(end) or writer.own(end)


def make_part(cls: Any, ctx: Any, size: int) -> Any:
    """Rebuild what an executor talks to its workers by."""
    if issubclass(cls, queues.Queue):
        queue = cls.__new__(cls)
        queues.Queue.__init__(queue, size, ctx=ctx)
        return queue
    if issubclass(cls, queues.SimpleQueue):
        queue = cls.__new__(cls)
        queues.SimpleQueue.__init__(queue, ctx=ctx)
        return queue
    return cls() if cls.__name__ == "_ThreadWakeup" else ctx.Lock()


def fill_part(part: Any, extra: dict[str, Any]) -> None:
    """Give a queue what the executor's own class of queues adds."""
    vars(part).update(extra)


def reduce_executor(executor: Any, writer: Writer) -> Reduction:
    """Reduce an executor of processes."""
    known = writer.known(executor)
    layout = layout_of(type(executor))
    if known is not None:
        return known
    if layout is None or layout.base is not object or layout.slots:
        return writer.refuse(executor, "a pool of processes with C fields")
    manager = executor._executor_manager_thread
    if any(manager is one for one in threads.serving()):
        return writer.raw(executor)
    namespace = vars(executor)
    ctx = _context_of(executor)
    recipes = {
        name: _recipe(part, ctx) for name in _OWN_PARTS if (part := namespace.get(name)) is not None
    }
    for *_, extra in recipes.values():
        if "thread_wakeup" in extra:  # one of the parts: its pipe is made anew
            extra["thread_wakeup"] = None
    state = {name: value for name, value in namespace.items() if name not in recipes}
    state["_executor_manager_thread"] = None
    if state.get("_processes") is not None:
        state["_processes"] = {}
    writer.defer(fill_executor, executor, (state, recipes))
    return object.__new__, (type(executor),)


def fill_executor(executor: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Give an executor that has not begun, or has ended, its settings and new queues."""
    vars(executor).update(state[0])
    for name, (*recipe, _) in state[1].items():
        vars(executor)[name] = make_part(*recipe)
    for name, (*_, extra) in state[1].items():
        if "thread_wakeup" in extra:
            extra["thread_wakeup"] = vars(executor)["_executor_manager_thread_wakeup"]
        fill_part(vars(executor)[name], extra)


# --- the thread that serves it -----------------------------------------------------------------


def service(thread: Any, frame: FrameType, _: bool) -> str | None:
    """Tell whether an executor's thread has nothing half done: see `dartslurm.state.services`."""
    if not _is_manager(thread):
        return "" if _is_feeder(thread) else None
    at_rest = connection.wait.__code__ in codes(frame)
    return "" if at_rest else "a pool hands results on"


def _is_feeder(thread: Any) -> bool:
    """Tell whether a thread writes to a pipe what its queue was given."""
    target = getattr(thread, "_target", None)
    return getattr(target, "__qualname__", "") == "Queue._feed" and hasattr(thread, "_args")


def has_work(thread: Any) -> bool:
    """Tell whether futures wait for what an executor's thread brings."""
    if not _is_manager(thread) or not thread.pending_work_items:
        return False
    if thread.executor_reference() is None:
        veto("a pool that nobody holds any more has work", lambda: bool(thread.pending_work_items))
    return True


def revive(thread: Any) -> None:
    """Start the workers again, and put in order what the thread is to hand out to them."""
    if _is_feeder(thread):
        thread._target = None  # of a queue that is lost
    if not _is_manager(thread):
        return
    for name in ("processes", "running_work_items"):
        vars(thread).get(name, {}).clear()
    pending = thread.pending_work_items
    for number, item in list(pending.items()):
        future = item.future
        if future._state == "RUNNING":
            future._state = "PENDING"
        elif future._state not in ("PENDING", "CANCELLED"):
            del pending[number]
    waiting = thread.work_ids_queue.queue
    waiting.clear()
    waiting.extend(sorted(pending))
    _note_for_the_end(thread)
    executor = thread.executor_reference()
    if executor is not None:
        _start_workers(executor, len(pending))
    thread.thread_wakeup.wakeup()


def _start_workers(executor: Any, outstanding: int) -> None:
    if not hasattr(executor, "_spawn_process"):  # loky, which starts what is missing
        if outstanding:
            executor._adjust_process_count()
        return
    executor._idle_worker_semaphore._value = 0
    count = executor._max_workers
    if executor._safe_to_dynamically_spawn_children:
        count = min(count, outstanding)
    for _ in range(count):
        executor._spawn_process()


def _note_for_the_end(thread: Any) -> None:
    """Have the interpreter's end wait for the thread, as the executor did when it started it."""
    module: Any = sys.modules[type(thread).__module__]
    wakeup = thread.thread_wakeup
    if "process_pool_executor_at_exit" not in vars(module):
        module._threads_wakeups[thread] = wakeup
        return
    module._threads_wakeups[thread] = thread.shutdown_lock, wakeup
    threading._register_atexit(module._python_exit)  # type: ignore[attr-defined]


def spoil(thread: Any, error: BaseException) -> None:
    """Let those who wait for a pool know that it could not be made again."""
    if not _is_manager(thread):
        return
    module: Any = sys.modules[type(thread).__module__]
    for item in list(thread.pending_work_items.values()):
        with suppress(Exception):
            reason = f"the pool could not be made again: {error}"
            item.future.set_exception(module.BrokenProcessPool(reason))
    thread.pending_work_items.clear()


def abandon() -> None:
    """End the workers: nobody will give them work, and their parent cannot end them any more."""
    children: Any = vars(process)["_children"]
    workers = [one for manager in _managers() for one in manager.processes.values()]
    for worker in [*workers, *(child for child in set(children) if child.daemon)]:
        with suppress(OSError):
            os.kill(worker.pid, signal.SIGKILL)
