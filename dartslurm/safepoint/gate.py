"""The gate: finds the next instant at which the program may be stopped, and lets it go on.

The invariant: a version is taken only between two lines of Python code of the main thread, or
inside a C call of it that can be executed again, when every frame below can be rebuilt, every other
thread is at rest (`rest`) and every object says that it can travel. Until then the program runs on.

Ways that do not work:

* A signal or an interval timer interrupts system calls, takes a signal number from the user, and
  kills a process whose interpreter has already gone. Only where the main thread is known to wait in
  one of a few calls that bear it (`poke`) a free real-time signal wakes it. Else we use
  ``Py_AddPendingCall`` from a thread of our own: the interpreter calls us between two instructions
  of the main thread.
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
dead objects alive: the last event of a version drops these snapshots, or `TraceEvents.forget`.
"""

from __future__ import annotations

import ctypes
import sys
from _thread import get_ident, get_native_id, interrupt_main
from collections.abc import Callable
from math import inf
from signal import pthread_kill
from time import monotonic
from types import CodeType, FrameType

from dartslurm.errors import runs_in
from dartslurm.interpreter.frames import IMPORTLIB, library_import
from dartslurm.interpreter.gil import unmoved
from dartslurm.interpreter.layouts import LAYOUT
from dartslurm.safepoint.events import OWN_FOLDER, MonitoringEvents, TraceEvents
from dartslurm.safepoint.request import Request
from dartslurm.safepoint.rest import Rest, Wait, kernel_wait

_add_pending_call = ctypes.PyDLL(None).Py_AddPendingCall
_add_pending_call.argtypes = (ctypes.c_void_p, ctypes.py_object)
_is_true = ctypes.cast(ctypes.PyDLL(None).PyObject_IsTrue, ctypes.c_void_p)
_ARMED_SECONDS = 0.05
_MOST_FAILURES = 3


def add_pending_truth(obj: object) -> bool:
    """Have the main thread ask for the truth of ``obj`` between two instructions soon.

    Tells whether there was room. ``obj`` must live until then, and say false.
    """
    return not _add_pending_call(_is_true, obj)


Attempt = Callable[[FrameType, Request, Wait | None], str | None]
"""Try to take a version at a frame, which stands before a line or waits inside a C call: ``None``
when it was taken, else why it was not."""


class Gate:
    """Owns line events of the main thread while a request is open."""

    def __init__(
        self,
        attempt: Attempt,
        is_base: Callable[[FrameType], bool],
        is_user: Callable[[CodeType], bool],
        report: Callable[[str], None],
        rest: Rest,
    ) -> None:
        self._attempt = attempt
        self.is_base = is_base
        self.rest = rest
        self._is_user = is_user
        self._report = report
        self._request: Request | None = None
        self._armed_until = 0.0
        self._counted_until = 0.0
        self._busy = False
        self._nudged = False
        self._blocked: tuple[int, CodeType] | None = None
        self._blocked_until = 0.0
        self._look_again = 0.0
        self._main = get_ident()
        self._main_native = get_native_id()
        self._open = False
        self._tries_all = False
        self._wait: Wait | None = None
        self.asked: Callable[[], None] = lambda: None
        self.poke_signal = 0
        self._events: TraceEvents | MonitoringEvents = (
            MonitoringEvents(self) if LAYOUT.monitoring else TraceEvents(self)
        )
        rest.events = self._events
        self._pending = _Pending(self)

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
        self.asked()

    def nudge(self) -> None:
        """Make the main thread look at the waiting request soon."""
        silent = not self._events.armed or (LAYOUT.monitoring and self._has_lapsed())
        if self._request is not None and self._open and silent and not self._nudged:
            self._add_pending()

    def _has_lapsed(self) -> bool:
        return self._blocked is not None and monotonic() > self._look_again

    def _add_pending(self) -> None:
        self._nudged = True
        added = False
        try:
            added = add_pending_truth(self._pending)
        finally:
            if not added:
                self._nudged = False  # the queue is full

    def arm_now(self, frame: FrameType) -> None:
        """Arm from a signal handler, which already runs in the main thread above ``frame``."""
        idle = not (self._busy or self._nudged or self._events.armed)
        if self._request is not None and self._open and idle:
            self._arm(frame)

    def poke(self) -> None:
        """Interrupt the main thread where it waits inside a C call that can be executed again.

        From the trigger's thread. Whoever waits in one of these calls takes a signal well: the
        call runs the handler and goes on.
        """
        idle = self._request is not None and self._open and not self._busy
        if not idle or not self.poke_signal:
            return
        with unmoved():
            wait = kernel_wait(self._main_native)
            frame = sys._current_frames().get(self._main) if wait is not None else None
            if frame is not None and not self.rest.obstacle(frame, wait)[0]:
                self._wait = wait
                pthread_kill(self._main, self.poke_signal)

    def on_poke(self, _: int, frame: FrameType | None) -> None:
        """Handle our signal in the main thread; ``frame`` is inside the C call."""
        request, wait, self._wait = self._request, self._wait, None
        if request is None or wait is None or frame is None or self._busy or not self._open:
            return
        try:
            if not self.rest.obstacle(frame, wait)[0]:
                self._make_attempt(frame, request, wait)
        except BaseException as error:
            if self.failed(error):
                raise

    def on_pending(self) -> None:
        """Arm events; the main thread is between two instructions of the frame two levels up."""
        try:
            frame = sys._getframe(2)
            self._events.forget()
            if self._request is not None and self._open and not self._busy:
                self._arm(frame)  # the last thing: see TraceEvents.arm
        except BaseException as error:
            if self.failed(error):
                raise
        finally:
            self._nudged = False  # by now the gate is armed, or may be asked again

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
        if get_ident() != self._main:
            self.rest.on_line(frame)
            return
        if request is None or self._busy:
            return
        file = frame.f_code.co_filename
        if file.startswith(OWN_FOLDER):
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
        self._make_attempt(frame, request, None)

    def _make_attempt(self, frame: FrameType, request: Request, wait: Wait | None) -> None:
        self._busy = True
        try:
            self._try(frame, request, wait)
        finally:
            self._busy = False

    def _try(self, frame: FrameType, request: Request, wait: Wait | None) -> None:
        importing = library_import(frame, self._is_user)
        if importing is not None:
            request.waited_for = "import"
            self.blocked_below(importing)
            self._check_time(request)
            return
        request.attempts += 1
        self._count(request)
        refusal = self._attempt(frame, request, wait)
        if refusal is None:
            self._request = None
            self._events.disarm()
            return
        request.waited_for = refusal
        self._check_time(request)

    def lay_off(self) -> None:
        """Have the refusal that follows give events up, until the trigger nudges again."""
        self._armed_until = 0.0

    def _check_time(self, request: Request) -> None:
        if monotonic() > self._armed_until and not request.is_final:
            self._count(request)
            self._events.disarm()  # the trigger nudges again after a while

    def _count(self, request: Request) -> None:
        now = monotonic()
        if self._events.armed:
            request.armed_seconds += now - self._counted_until
        self._counted_until = now

    def blocked_below(self, frame: FrameType, seconds: float = inf) -> None:
        """Skip line events while ``frame`` is on the stack, for ``seconds`` at most.

        A C function called it, or it is a library's and holds what would be lost.
        """
        if not self._events.armed:
            return  # there are none to skip
        self._blocked = id(frame), frame.f_code
        now = monotonic()
        self._blocked_until, self._look_again = now + _ARMED_SECONDS, now + seconds
        self._events.narrow(frame)

    def in_main(self) -> bool:
        """Whether the main thread asks."""
        return get_ident() == self._main

    def passes_over(self) -> bool:
        """Whether a frame that is entered now needs no events: a C function is below it.

        Where that function goes on for long, events are given up until a nudge finds it gone:
        even a trace function that refuses costs the program's every call more than the call.
        """
        if self._blocked and not self._tries_all and monotonic() > self._blocked_until:
            self._events.disarm()
        return self._blocked is not None

    def _still_blocked(self, frame: FrameType) -> bool:
        walk: FrameType | None = None if self._has_lapsed() else frame
        while walk is not None:
            if (id(walk), walk.f_code) == self._blocked:
                return True
            walk = walk.f_back
        self._blocked = None
        self._events.widen()
        return False

    def not_entered(self, error: BaseException) -> bool:
        """Take a pending call for done that may not have begun, at the very end of a recursion."""
        self._nudged = False
        return self.failed(error)

    def failed(self, error: BaseException) -> bool:
        """Give the request up, a final one after a few attempts; never raise into the program.

        Returns:
            Whether a signal handler of the program raised ``error`` in the middle of our code: it
            was meant for the line at which the program stands.
        """
        try:
            if self._is_the_programs(error):
                return True
            self._events.disarm()
            if isinstance(error, KeyboardInterrupt):
                interrupt_main()  # it was meant for the program
                return False
            request = self._request
            if request is not None:
                request.failures += 1
                if not request.is_final or request.failures >= _MOST_FAILURES:
                    self._request = None  # else the trigger nudges again: it is the last chance
            self._report(f"{type(error).__name__}: {error}")
        except BaseException:
            return False
        return False

    def _is_the_programs(self, error: BaseException) -> bool:
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if self._is_user(frame.f_code) and not runs_in(frame, {"dartslurm"}):
                return True
            trace = trace.tb_next
        return False


class _Pending:
    """What the interpreter calls, as the truth of an object: always false, nothing went wrong.

    A callback of `ctypes` would not do: what a signal handler of the program raises when it is
    entered is swallowed, and the interpreter told of a failure without an exception.
    """

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __bool__(self) -> bool:
        try:
            self._gate.on_pending()
        except BaseException as error:
            if self._gate.not_entered(error):
                raise
        return False
