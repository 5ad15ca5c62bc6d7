"""What asyncio and the interpreter hold for event loops: who runs, which tasks there are, hooks."""

from __future__ import annotations

import sys
from typing import Any

from dartslurm.interpreter import tasks as native_tasks


def collect() -> dict[str, Any]:
    """Return the running loop, the policy with its loop, all tasks, and the thread's hooks."""
    hooks = sys.get_asyncgen_hooks()
    found: dict[str, Any] = {
        "hooks": None if hooks == (None, None) else tuple(hooks),
        "origins": sys.get_coroutine_origin_tracking_depth(),
    }
    native = sys.modules.get("_asyncio")
    if native is None or "asyncio.events" not in sys.modules:
        return found
    from dartslurm.state.kinds import loops

    names, tasks = vars(native), vars(sys.modules["asyncio.tasks"])
    loops.know_pipe(names["_get_running_loop"]())  # a frame may hold its sockets alone
    found.update(
        running=names["_get_running_loop"](),
        policy=vars(sys.modules["asyncio.events"])["_event_loop_policy"],
        tasks=list(tasks.get("_scheduled_tasks") or tasks.get("_all_tasks", ())),
        eager=list(tasks.get("_eager_tasks", ())),
        current=[
            (loop, task)
            for loop, task in names["_current_tasks"].items()
            if not isinstance(task, names["Task"])  # its step is made again, and enters it
        ],
        number=native_tasks.task_number(),
    )
    return found


def restore(found: dict[str, Any]) -> None:
    """Set them again."""
    if found["hooks"] is not None:
        sys.set_asyncgen_hooks(*found["hooks"])
    sys.set_coroutine_origin_tracking_depth(found["origins"])
    if "running" not in found:
        return
    import _asyncio
    import signal

    from dartslurm.state.kinds import loops

    names: Any = vars(_asyncio)
    for task in found["tasks"]:
        names["_register_task"](task)
    for task in found["eager"]:
        names["_register_eager_task"](task)
    for loop, task in found["current"]:
        names["_enter_task"](loop, task)
    native_tasks.set_task_number(found["number"])
    names["_set_running_loop"](found["running"])
    for number in getattr(found["running"], "_signal_handlers", ()):
        signal.siginterrupt(number, False)
    loops.go_on()
