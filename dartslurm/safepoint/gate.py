"""The gate: finds the next instant at which the program may be stopped, and lets it go on.

The invariant: a version is taken only between two lines of Python code of the main thread, when
every frame below can be rebuilt and every object says that it can travel. Until then the program
runs on; the gate never waits inside the program.

Ways that do not work:

* A signal or an interval timer interrupts system calls, takes a signal number from the user, and
  kills a process whose interpreter has already gone. We use ``Py_AddPendingCall`` from a thread of
  our own: the interpreter calls us between two instructions of the main thread.
* Taking the state right there: a pending call may run in the middle of a call instruction, and
  ``lasti`` does not tell whether the instruction has been executed. At a *line event* it has not.
* Tracing all the time: it costs 10 to 100 times the program. Events are on only between a request
  and the version, and are given up for a while when nothing is found (`_ARMED_SECONDS`).

So: a request adds a pending call; the pending call arms line events (``sys.monitoring`` from 3.12
on, ``sys.settrace`` and ``f_trace`` on 3.11); each line event makes an attempt; an attempt that is
blocked by a C function in between, or vetoed by an object, is repeated at a later line. First only
frames of the user's own modules are accepted, after a while any. What still fails: a program that
spends hours inside one C function that calls Python (``sorted(key=…)``) has no instant; the wait
is written to the journal with the function's name.

On 3.11 tracing makes the interpreter snapshot ``f_locals`` of every traced frame, which would keep
dead objects alive: `_forget_locals` empties these snapshots afterwards.
"""

from __future__ import annotations

import ctypes
import sys
from _thread import get_ident, interrupt_main
from collections.abc import Callable
from time import monotonic
from types import CodeType, FrameType
from typing import Any

from dartslurm.interpreter.frames import IMPORTLIB, library_import
from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.safepoint.request import Request

_add_pending_call = ctypes.PyDLL(None).Py_AddPendingCall
_ARMED_SECONDS = 0.05
_OWN_FOLDER = __file__.rpartition("/")[0].rpartition("/")[0] + "/"
_TOOL_NAME = "dartslurm"

Attempt = Callable[[FrameType, Request], str | None]
"""Try to take a version at a frame: ``None`` when it was taken, else why it was not."""


class Gate:
    """Owns line events of the main thread while a request is open."""

    def __init__(
        self,
        attempt: Attempt,
        is_base: Callable[[FrameType], bool],
        is_user: Callable[[CodeType], bool],
        report: Callable[[str], None],
    ) -> None:
        self._attempt = attempt
        self._is_base = is_base
        self._is_user = is_user
        self._report = report
        self._request: Request | None = None
        self._armed_until = 0.0
        self._counted_until = 0.0
        self._busy = False
        self._nudged = False
        self._blocked: tuple[int, CodeType] | None = None
        self._blocked_until = 0.0
        self._main = get_ident()
        self._open = False
        self._tries_all = False
        self._events: _TraceEvents | _MonitoringEvents = (
            _MonitoringEvents(self) if LAYOUT.monitoring else _TraceEvents(self)
        )
        self._pending = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._on_pending)

    def open(self) -> None:
        """Let requests through: the program's own frames are running."""
        self._open = True

    def try_all(self, attempt: Attempt) -> None:
        """Make ``attempt`` at every line from now on, those of imports too."""
        self._attempt, self._tries_all = attempt, True

    def close(self) -> None:
        """Take no more versions; the program's main code has ended."""
        self._open = False
        self._request = None
        self._events.disarm()
        self._events.forget()

    def tidy(self) -> None:
        """Have the main thread let go of what events left behind; from the trigger's thread."""
        if self._events.left_behind and self._request is None and not self._nudged:
            self._add_pending()

    @property
    def request(self) -> Request | None:
        """The request that is waiting for its instant."""
        return self._request

    def ask(self, request: Request) -> None:
        """Ask for a version at the next possible instant; from any thread or signal handler."""
        waiting = self._request
        if waiting is None or (request.is_final and not waiting.is_final):
            self._request = request
        self.nudge()

    def nudge(self) -> None:
        """Make the main thread look at the waiting request soon."""
        if self._request is None or not self._open or self._nudged or self._events.armed:
            return
        self._add_pending()

    def _add_pending(self) -> None:
        self._nudged = True
        refused = True
        try:
            refused = bool(_add_pending_call(self._pending, None))
        finally:
            if refused:
                self._nudged = False  # the queue is full

    def arm_now(self, frame: FrameType) -> None:
        """Arm from a signal handler, which already runs in the main thread above ``frame``."""
        idle = not (self._busy or self._nudged or self._events.armed)
        if self._request is not None and self._open and idle:
            self._arm(frame)

    def _on_pending(self, _: int | None) -> int:
        try:
            self._events.forget()
            if self._request is not None and self._open and not self._busy:
                self._arm(sys._getframe(1))  # the last thing: see _TraceEvents.arm
        except BaseException as error:
            self.failed(error)
        self._nudged = False  # by now the gate is armed, or may be asked again
        return 0

    def _arm(self, frame: FrameType) -> None:
        request = self._request
        if request is None or get_ident() != self._main:
            return
        if not self._tries_all and library_import(frame, self._is_user):
            request.waited_for = "import"  # events would slow it down for nothing
            return
        if self._blocked and self._still_blocked(frame):
            return  # `waited_for` says by what; the trigger nudges again
        self._counted_until = monotonic()
        self._armed_until = self._counted_until + (3600.0 if request.is_final else _ARMED_SECONDS)
        problem = self._events.arm(frame)
        if problem:
            request.waited_for = problem

    def on_line(self, frame: FrameType) -> None:
        """Handle one line event; what it raises is for `failed`."""
        request = self._request
        if request is None or self._busy or get_ident() != self._main:
            return
        file = frame.f_code.co_filename
        if file.startswith(_OWN_FOLDER):
            return
        if file.startswith(IMPORTLIB) and not self._tries_all:
            request.waited_for = "import"  # the trigger nudges again after a while
            self._count(request)
            self._events.disarm()
            return
        if not request.any_frame and not self._is_user(frame.f_code):
            self._check_time(request)
            return
        if self._blocked and self._still_blocked(frame):
            self._check_time(request)
            return
        self._busy = True
        try:
            self._try(frame, request)
        finally:
            self._busy = False

    def _try(self, frame: FrameType, request: Request) -> None:
        importing = library_import(frame, self._is_user)
        if importing is not None:
            request.waited_for = "import"
            self.blocked_below(importing)
            self._check_time(request)
            return
        request.attempts += 1
        self._count(request)
        refusal = self._attempt(frame, request)
        if refusal is None:
            self._request = None
            self._events.disarm()
            return
        request.waited_for = refusal
        self._check_time(request)

    def _check_time(self, request: Request) -> None:
        if monotonic() > self._armed_until and not request.is_final:
            self._count(request)
            self._events.disarm()  # the trigger nudges again after a while

    def _count(self, request: Request) -> None:
        now = monotonic()
        request.armed_seconds += now - self._counted_until
        self._counted_until = now

    def blocked_below(self, frame: FrameType) -> None:
        """Skip line events while ``frame``, which a C function called, is on the stack."""
        self._blocked = id(frame), frame.f_code
        self._blocked_until = monotonic() + _ARMED_SECONDS
        self._events.narrow(frame)

    def passes_over(self) -> bool:
        """Whether a frame that is entered now needs no events: a C function is below it.

        Where that function goes on for long, events are given up until a nudge finds it gone:
        even a trace function that refuses costs the program's every call more than the call.
        """
        if self._blocked and monotonic() > self._blocked_until:
            self._events.disarm()
        return self._blocked is not None

    def _still_blocked(self, frame: FrameType) -> bool:
        walk: FrameType | None = frame
        while walk is not None:
            if (id(walk), walk.f_code) == self._blocked:
                return True
            walk = walk.f_back
        self._blocked = None
        self._events.widen()
        return False

    def failed(self, error: BaseException) -> None:
        """Give the request up, and never raise: the program is what would fail."""
        try:
            self._events.disarm()
            if isinstance(error, KeyboardInterrupt):
                interrupt_main()  # it was meant for the program
                return
            self._request = None
            self._report(f"{type(error).__name__}: {error}")
        except BaseException:
            return


class _TraceEvents:
    """Line events of CPython 3.11: ``sys.settrace`` and ``f_trace`` of the live frames."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._frames: list[FrameType] = []
        self._in_event = False
        self.armed = False

    def arm(self, frame: FrameType) -> str:
        current = sys.gettrace()
        if current is not None and not self.armed:
            return f"tracing by {type(current).__name__} {getattr(current, '__module__', '')}"
        walk: FrameType | None = frame
        while walk is not None and not self._gate._is_base(walk):
            if walk.f_trace is None:
                walk.f_trace = self._on_event
                self._frames.append(walk)
            walk = walk.f_back
        self.armed = True
        # Nothing may be called after this while a pending call runs: on 3.11 a traced function
        # entry looks for pending calls, does not get at them (one is running), and looks again,
        # for ever. So the gate has one pending call at a time (`_nudged`), and none while armed.
        sys.settrace(self._on_call)
        return ""

    def _on_call(self, frame: FrameType, event: str, _: Any) -> Any:
        # Library frames too: they may still run when they become acceptable, and an armed gate is
        # not armed again.
        return None if self._gate.request is None or self._gate.passes_over() else self._on_event

    def _on_event(self, frame: FrameType, event: str, _: Any) -> Any:
        self._in_event = True
        following = self._on_event
        try:
            if event == "line":
                self._gate.on_line(frame)
        except BaseException as error:
            self._gate.failed(error)
        self._in_event = False
        return following if self.armed else None

    @property
    def left_behind(self) -> bool:
        """Whether frames are still held, with the snapshots of their locals."""
        return bool(self._frames)

    def narrow(self, callee: FrameType) -> None:
        """No events above ``callee``: a C function below it has to return first."""
        walk: FrameType | None = sys._getframe(1)
        while walk is not None:
            if walk.f_trace is not None:
                walk.f_trace = None
            if walk is callee:
                return
            walk = walk.f_back

    def widen(self) -> None:
        """Frames entered from now on have events again (`_on_call`)."""

    def disarm(self) -> None:
        if self.armed:
            sys.settrace(None)
            self.armed = False  # last: while there are events, `forget` must not touch snapshots

    def forget(self) -> None:
        """Empty the snapshots of locals that tracing left in live frames."""
        if self.armed or self._in_event or not self._frames:
            return  # inside an event the interpreter is about to write the snapshot back
        frames, self._frames = self._frames, []
        for frame in frames:
            frame.f_trace = None
            if frame.f_code.co_flags & 1 and frame.f_back is not None:
                snapshot = frame.f_locals
                if sys.getrefcount(snapshot) <= 3:  # the frame, this name, the argument
                    snapshot.clear()


class _MonitoringEvents:
    """Line events from CPython 3.12 on: a tool of ``sys.monitoring``."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._tool = -1
        self.armed = False
        self._local: list[CodeType] = []

    def arm(self, frame: FrameType) -> str:
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

    def narrow(self, callee: FrameType) -> None:
        """Events only in the frames below ``callee``: a C function there has to return first."""
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        monitoring.set_events(self._tool, 0)
        walk = callee.f_back
        while walk is not None and not self._gate._is_base(walk):
            if walk.f_code not in self._local:
                self._local.append(walk.f_code)
                monitoring.set_local_events(self._tool, walk.f_code, monitoring.events.LINE)
            walk = walk.f_back

    def widen(self) -> None:
        """Events in every frame."""
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
        try:
            frame = sys._getframe(1)
            if frame.f_code is code:
                self._gate.on_line(frame)
        except BaseException as error:
            self._gate.failed(error)
        return None

    def disarm(self) -> None:
        if self.armed:
            monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
            self._drop_local()
            monitoring.set_events(self._tool, 0)
            self.armed = False

    left_behind = False

    def forget(self) -> None:
        """Nothing to forget: monitoring leaves no trace in frames."""
