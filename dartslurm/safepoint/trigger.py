"""The trigger: a thread of ours that knows when a version is due.

It takes the interval, the deadline and the control file; it asks the gate. It is started with
``_thread`` so that ``threading`` does not know it, sleeps nearly always, and dies with the process.
"""

from __future__ import annotations

from _thread import allocate_lock, get_native_id
from os import _exit, getpid
from time import monotonic, time
from typing import TYPE_CHECKING

from dartslurm.aside import begin_thread
from dartslurm.safepoint.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.model.settings import Settings
    from dartslurm.safepoint.gate import Gate

_CONTROL_SECONDS = 2.0
_NUDGE_SECONDS = 0.05
_MOST_FAILURES = 1000
"""In a row; then nothing is asked for any more, rather than to be busy for nothing."""
FIRST_SECONDS = 10.0
EXIT_COMMITTED = 85


class Trigger:
    """Asks for versions by interval, deadline and control file; keeps final requests bounded."""

    def __init__(
        self,
        gate: Gate,
        settings: Settings,
        read_control: Callable[[], str],
        is_writing: Callable[[], bool],
        make_ready: Callable[[], bool],
    ) -> None:
        self._gate = gate
        self._settings = settings
        self._read_control = read_control
        self._is_writing = is_writing
        self._make_ready = make_ready
        self._due = self._control_due = 0.0
        self._budget = max(settings.overhead_percent, 0.01) / 100
        self._taken = 0.0
        self._cost = 0.0
        self._wake = allocate_lock()
        self._wake.acquire()
        self._pid = getpid()
        self._turn = 0
        self.runs = False
        self.thread_id: int | None = 0
        """The kernel's number of the thread; ``None`` while it begins."""
        self._failures = 0
        self._give_up: Callable[[Request], None] = lambda _: None

    def start(self, give_up: Callable[[Request], None]) -> None:
        """Start the thread; ``give_up`` ends the process when a final request found no instant.

        In a resumed program the clock has been shifted by now; an earlier look at it is worthless.
        """
        self._give_up = give_up
        self._taken = monotonic()
        self._due = self._taken + (self._settings.interval_seconds or FIRST_SECONDS)
        self._control_due = self._taken + _CONTROL_SECONDS
        self._gate.asked = self._wake_up
        self.go_on()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._turn += 1
        self.runs = False

    def rest(self) -> None:
        """End the thread very soon, until `go_on`."""
        self.stop()
        self._wake_up()

    def go_on(self) -> None:
        """Start the thread."""
        self.runs, self.thread_id = True, None
        begin_thread(self._loop, self._turn)

    def captured(self, cost_seconds: float) -> None:
        """Set when the next version is due, given what the last one cost the program so far."""
        self._taken = monotonic()
        self._cost = cost_seconds
        self._due = self._taken + self.interval_after(cost_seconds)

    def failed(self, cost_seconds: float) -> None:
        """Put the next request off by what a version that came to nothing has cost the program."""
        self._due = monotonic() + max(
            self._settings.interval_seconds or FIRST_SECONDS, cost_seconds / self._budget
        )

    def published(self, cost_seconds: float) -> float:
        """Count what writing cost the program's cores, or the program; return the interval."""
        self._cost += cost_seconds
        interval = self.interval_after(self._cost)
        self._due = max(self._due, self._taken + interval)
        return interval

    def reason(self) -> str:
        """Say why the interval is what it is."""
        if self._settings.interval_seconds is not None:
            return "as asked"
        if self.interval_after(self._cost) == FIRST_SECONDS:
            return "the least"
        return f"a version costs {self._cost:.2g} s, {100 * self._budget:g} % is allowed"

    def interval_after(self, cost_seconds: float) -> float:
        """Return the seconds to the next version: the user's, or what keeps the budget."""
        if self._settings.interval_seconds is not None:
            return self._settings.interval_seconds
        return max(FIRST_SECONDS, cost_seconds / self._budget)

    def _pause_before_nudge(self, request: Request) -> float:
        """Look again ever more rarely (an import may last): being armed keeps to the budget."""
        if request.is_final:
            return _NUDGE_SECONDS
        longest = max(1.0, _NUDGE_SECONDS / self._budget)
        return min(longest, max(_NUDGE_SECONDS, request.waited_seconds / 2))

    def _loop(self, turn: int) -> None:
        while self._failures < _MOST_FAILURES:  # one alone must not end the thread
            try:
                if self._turn != turn or getpid() != self._pid:
                    return
                if self.thread_id is None:
                    self.thread_id = get_native_id()
                self._wake.acquire(timeout=self._look())
                self._failures = 0
            except BaseException:
                self._failures += 1

    def _look(self) -> float:
        """Ask for what is due; return the seconds until the next look."""
        now = monotonic()
        request = self._gate.request
        if request is not None:
            if not request.is_final and self._make_ready():
                return 0.0  # there is more to do
            self._keep_up(request)
            return self._pause_before_nudge(request)
        self._gate.tidy()
        if now >= self._control_due:
            self._control_due = now + _CONTROL_SECONDS
            self._look_at_control()
        self._look_at_deadline()
        if now >= self._due and not self._is_writing():
            self._due = now + (self._settings.interval_seconds or FIRST_SECONDS)
            self._gate.ask(Request("interval"))
            return 0.0
        next_look = min(self._due, self._control_due, now + _CONTROL_SECONDS)
        return max(0.005, next_look - now)

    def _keep_up(self, request: Request) -> None:
        if request.is_final and request.waited_seconds > request.limit_seconds:
            self._give_up(request)
            _exit(request.exit_code or 0)
        self._gate.nudge()
        self._gate.poke()

    def _wake_up(self) -> None:
        """Look at a new request now; from any thread or signal handler."""
        try:
            self._wake.release()
        except RuntimeError:  # it is awake
            return

    def _look_at_control(self) -> None:
        word = self._read_control()
        if word == "commit":
            self._gate.ask(Request("request"))
        elif word == "stop":
            self._ask_final("request")

    def _look_at_deadline(self) -> None:
        deadline = self._settings.deadline_utc
        if deadline is not None and time() >= deadline - self._settings.lead_seconds:
            self._ask_final("deadline")

    def _ask_final(self, cause: str) -> None:
        request = Request(cause, exit_code=EXIT_COMMITTED)
        deadline = self._settings.deadline_utc
        if deadline is not None:
            request.limit_seconds = max(1.0, deadline - 5.0 - time())
        self._gate.ask(request)
