"""Line events: how the gate sees the next line of each thread, and how it leaves no trace.

One class a mechanism: ``sys.settrace`` on 3.11, ``sys.monitoring`` from 3.12 on. Both call
`Gate.on_line` from the thread whose line it is, and are silent between requests.
"""

from __future__ import annotations

import sys
from _thread import _count, get_ident
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.frames import drop_snapshot
from dartslurm.interpreter.threads import ThreadTracing, thread_states, trace_function

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from dartslurm.safepoint.gate import Gate

_TOOL_NAME = "dartslurm"
OWN_FOLDER = __file__.rpartition("/")[0].rpartition("/")[0] + "/"


_NEAR = 100
"""So many frames at most stand above that of an event in its last lines."""


class TraceEvents:
    """Line events of CPython 3.11: ``sys.settrace`` and ``f_trace`` of the live frames.

    The frames and the snapshots of their locals are let go of in the last event, or, where another
    thread is in an event then, by `forget` in a pending call.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._frames: list[FrameType] = []
        self._inside: set[int] = set()
        self._hook = self._on_call
        self._tracing: ThreadTracing | None = None
        self._others: set[int] = set()
        self.armed = False

    def arm(self, frame: FrameType) -> str:
        """Have line events in the main thread; return what prevents it."""
        current = sys.gettrace()
        if current is not None and not self.armed:
            return f"tracing by {type(current).__name__} {getattr(current, '__module__', '')}"
        self._watch(frame)
        self.armed = True
        # Nothing may be called after this while a pending call runs: on 3.11 a traced function
        # entry looks for pending calls, does not get at them (one is running), and looks again,
        # for ever. So the gate has one pending call at a time (`_nudged`), and none while armed.
        sys.settrace(self._hook)
        return ""

    def _watch(self, frame: FrameType) -> None:
        walk: FrameType | None = frame
        while walk is not None and not self._gate.is_base(walk):
            if walk.f_trace is None:
                walk.f_trace = self._on_event
                self._frames.append(walk)
            walk = walk.f_back

    def arm_others(self, frames: dict[int, FrameType]) -> str:
        """Have line events in other threads too; return what prevents it."""
        missing = frames.keys() - self._others
        if not missing:
            return ""
        states = thread_states()
        tracing = self._tracing = self._tracing or ThreadTracing(self._trampoline(states))
        for ident in missing & states.keys():
            if not tracing.start(states[ident], self._hook):
                return "another thread is being traced"
            self._others.add(ident)
            self._watch(frames[ident])
        return ""

    def _trampoline(self, states: dict[int, int]) -> int:
        before = sys.gettrace()
        if before is None:
            sys.settrace(self._hook)
        found = trace_function(states[get_ident()])
        if before is None:
            sys.settrace(None)
        return found

    def disarm_others(self) -> None:
        """Leave the other threads alone."""
        states = thread_states() if self._others else {}
        for ident in self._others & states.keys():
            if self._tracing is not None:
                self._tracing.stop(states[ident], self._hook)
        self._others.clear()

    def _on_call(self, frame: FrameType, event: str, _: Any) -> Any:
        # Library frames too: they may still run when they become acceptable, and an armed gate is
        # not armed again.
        gate = self._gate
        try:
            passes_over = gate.passes_over if gate.in_main() else gate.rest.is_blocked_here
            return None if gate.request is None or passes_over() else self._on_event
        except BaseException as error:
            if self._gate.failed(error):
                self.armed = False  # see `_on_event`
                raise
            return None

    def _on_event(self, frame: FrameType, event: str, _: Any) -> Any:
        following = None
        try:
            self._pass_on(frame, event)
            following = self._on_event if self.armed or self._others else None
            written_back = following is not None or not self._let_go(frame)
            if written_back and _count() > 1:
                # Other threads have run meanwhile, perhaps over cells that this frame shares. The
                # interpreter is about to write its snapshot back: nothing may come after this.
                frame.f_locals  # noqa: B018
        except BaseException as error:
            try:
                theirs = self._gate.failed(error)
            except BaseException:
                theirs = False
            if theirs:
                self.armed = False  # the interpreter stops tracing where a trace function raises
                raise
            frame.f_locals  # noqa: B018
        return following

    def _let_go(self, frame: FrameType) -> bool:
        """Forget all frames and their snapshots in the last event: the next line may be an end.

        Returns:
            Whether nothing will be written back into ``frame``, whose event this is.
        """
        if self._inside or _are_in_event(get_ident()):
            return False  # `forget` will do it
        frames, self._frames = self._frames, []
        for one in frames:
            one.f_trace = None
            drop_snapshot(one)
        return drop_snapshot(frame)

    def _pass_on(self, frame: FrameType, event: str) -> None:
        ident = get_ident()
        self._inside.add(ident)
        try:
            if event == "line":
                self._gate.on_line(frame)
        except BaseException as error:
            if self._gate.failed(error):
                raise
        finally:
            self._inside -= {ident}

    @property
    def left_behind(self) -> bool:
        """Whether frames are still held, with the snapshots of their locals."""
        return bool(self._frames)

    def narrow(self, callee: FrameType) -> None:
        """No events above ``callee``: a C function below it has to return first."""
        self.hush(sys._getframe(1), callee)

    def hush(self, frame: FrameType, callee: FrameType) -> None:
        """No events from ``frame`` down to ``callee``."""
        walk: FrameType | None = frame
        while walk is not None:
            if walk.f_trace is not None:
                walk.f_trace = None
            if walk is callee:
                return
            walk = walk.f_back

    def narrow_others(self, codes: list[CodeType]) -> None:
        """Every thread has its own events: see `hush`."""

    def widen(self) -> None:
        """Frames entered from now on have events again (`_on_call`)."""

    def disarm(self) -> None:
        """Have no more of them."""
        if self.armed:
            sys.settrace(None)
            self.armed = False  # last: while there are events, `forget` must not touch snapshots

    def forget(self) -> None:
        """Empty the snapshots of locals that tracing left in live frames."""
        if self.armed or self._others or self._inside or not self._frames or _are_in_event():
            return  # inside an event the interpreter is about to write the snapshot back
        frames, self._frames = self._frames, []
        live = _on_stacks()
        for frame in frames:
            frame.f_trace = None
            # Of one that has ended `f_back` may not be asked: on 3.11 it can lead to freed memory.
            if id(frame) in live and frame.f_code.co_flags & 1:
                snapshot = frame.f_locals
                if sys.getrefcount(snapshot) <= 3:  # the frame, this name, the argument
                    snapshot.clear()


def _on_stacks() -> set[int]:
    """Return the identities of all frames that have not ended."""
    found: set[int] = set()
    frames = list(sys._current_frames().values())
    while frames:
        walk: FrameType | None = frames.pop()
        while walk is not None:
            found.add(id(walk))
            walk = walk.f_back
    return found


def _are_in_event(but: int = 0) -> bool:
    """Tell whether any other thread is still in our last lines of an event, where none counts."""
    walk: FrameType | None
    frames = sys._current_frames()
    frames.pop(but, None)  # our own: a name for it would be a cycle, and hold the program's frame
    while frames:
        walk = frames.popitem()[1]
        for _ in range(_NEAR):
            if walk is None:
                break
            if walk.f_code is TraceEvents._on_event.__code__:
                frames.clear()
                return True
            walk = walk.f_back
    return False


class MonitoringEvents:
    """Line events from CPython 3.12 on: a tool of ``sys.monitoring``."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._tool = -1
        self.armed = False
        self._for_others = False
        self._narrowed: list[CodeType] = []
        self._local: list[CodeType] = []

    def arm(self, _: FrameType | None) -> str:
        """Have line events; return what prevents it."""
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        if self._tool < 0:
            free = [i for i in (4, 3, 5, 1, 2, 0) if monitoring.get_tool(i) is None]
            if not free:
                return "all tool ids of sys.monitoring are taken"
            self._tool = free[0]
            monitoring.use_tool_id(self._tool, _TOOL_NAME)
            monitoring.register_callback(self._tool, monitoring.events.LINE, self._on_line)
        self.armed = True
        self.widen()
        return ""

    def arm_others(self, _: dict[int, FrameType]) -> str:
        """Have line events in other threads too: monitoring means all threads."""
        if self.armed:
            return ""
        self._for_others = True
        return self.arm(None)

    def disarm_others(self) -> None:
        """Have no events if it was only for the other threads."""
        if self._for_others:
            self._for_others = False
            self.disarm()
        elif self._narrowed and self.armed:
            self.widen()

    def narrow(self, callee: FrameType) -> None:
        """Events only in the frames below ``callee``: a C function there has to return first."""
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        monitoring.set_events(self._tool, 0)
        walk = callee.f_back
        while walk is not None and not self._gate.is_base(walk):
            self._listen_in(walk.f_code)
            walk = walk.f_back

    def _listen_in(self, code: CodeType) -> None:
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        if code not in self._local:
            self._local.append(code)
            monitoring.set_local_events(self._tool, code, monitoring.events.LINE)

    def narrow_others(self, codes: list[CodeType]) -> None:
        """Events only in ``codes``, where other threads have a C function to return to; or all."""
        if self._narrowed == codes:
            return
        self.widen()
        self._narrowed = codes
        if codes:
            monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
            monitoring.set_events(self._tool, 0)
            for code in codes:
                self._listen_in(code)

    def hush(self, frame: FrameType, callee: FrameType) -> None:
        """Events are for all threads: see `narrow_others`."""

    def widen(self) -> None:
        """Events in every frame."""
        self._narrowed = []
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self._drop_local()
        monitoring.set_events(self._tool, monitoring.events.LINE)

    def _drop_local(self) -> None:
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        for code in self._local:
            monitoring.set_local_events(self._tool, code, 0)
        self._local.clear()

    def _on_line(self, code: CodeType, line: int) -> Any:
        if not self.armed:
            return None
        if code.co_filename.startswith(OWN_FOLDER):
            return sys.monitoring.DISABLE  # type: ignore[attr-defined, unused-ignore]
        try:
            frame = sys._getframe(1)
            if frame.f_code is code:
                self._gate.on_line(frame)
        except BaseException as error:
            if self._gate.failed(error):
                raise
        return None

    def disarm(self) -> None:
        """Have no more of them."""
        if self.armed:
            monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
            self._drop_local()
            monitoring.set_events(self._tool, 0)
            self.armed = False

    left_behind = False

    def forget(self) -> None:
        """Nothing to forget: monitoring leaves no trace in frames."""
