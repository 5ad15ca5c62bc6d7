"""The supervisor: the process that Slurm takes for the batch script.

It starts the user's script as a child, hears what Slurm says and knows the clock. When the job
has to leave it (1) stops the shells that would go on to the next command when a program ends,
(2) tells the programs, by signal here and by the control file everywhere, (3) waits for them,
(4) ends what is left, and (5) brings the job back. Keeps: the script's own end and exit code pass
through unchanged; a job is never brought back after its user cancelled it; one attempt leaves once.

Designs that do not work, as measured on Slurm 22.05 with cgroup tracking:

* a shell with traps as the batch script: a trap waits for the foreground child; a trap on SIGCONT
  or a ``$(…)`` in a trap makes bash lose the signal or abort;
* signalling the programs from outside: Slurm signals only the process it started itself, which is
  this one, and each step's first process;
* a process group of its own for the script: with pgid tracking Slurm would lose it.

So this is one process that blocks the signals and takes them in order with ``sigtimedwait``; no
handler runs at any other place. The script's processes are found as descendants; orphans come to
us because we are their sub-reaper.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartslurm.errors import DartError
from dartslurm.slurm import client, processes, requeue, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.slurm.environment import Clock, JobView
    from dartslurm.slurm.jobs import Attempt, JobFolder, Seat

_LEFT = 85
_TICK_SECONDS = 1.0
_BEFORE_PROGRAMS_SECONDS = 1.5
"""The supervisor leaves this much before the programs' own clocks: the shells must stand first."""
_LOOK_SECONDS = 60.0
_SET_CHILD_SUBREAPER = 36
_FORWARDED = (signal.SIGUSR2, signal.SIGHUP, signal.SIGINT)
_HEARD = (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, *_FORWARDED)
_DEFAULTS = (*_HEARD, signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Notice:
    """Why the job leaves, whether it is ours to bring it back, and until when it may write."""

    why: str
    come_back: bool
    until_utc: float


class Supervisor:
    """One attempt of one job."""

    def __init__(
        self,
        job: JobFolder,
        seat: Seat,
        view: JobView,
        attempt: Attempt,
        *,
        clock: Clock,
        limits: requeue.Limits,
        kill_wait_seconds: float,
        progress: Callable[[], int | None],
    ) -> None:
        self.job = job
        self.seat = seat
        self.view = view
        self.attempt = attempt
        self.clock = clock
        self.limits = limits
        self.kill_wait_seconds = kill_wait_seconds
        self.progress = progress
        self.stays = not job.submission().requeue_allowed
        self.own_signal = job.submission().own_signal
        self.child = 0
        self.status: int | None = None
        self.committed_early = False
        self.began = time.monotonic()
        self.looked = False

    def run(self, argv: list[str], environ: dict[str, str]) -> int:
        """Run the script to its end, or until the job leaves; give the job's exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        _adopt_orphans()
        self.child = os.posix_spawnp(argv[0], argv, environ, setsigmask=(), setsigdef=_DEFAULTS)
        try:
            notice = self._watch()
            return self._ended() if notice is None else self._leave(notice)
        except Exception as cause:  # a guest: the script runs on, only unattended
            _say(self.attempt, f"NOT ATTENDED: {type(cause).__name__}: {cause}")
            return self._unattended()

    def _unattended(self) -> int:
        for each in processes.below(os.getpid()):
            processes.send(each, signal.SIGCONT)
        while self.status is None:
            heard = signal.sigtimedwait(_HEARD, _TICK_SECONDS)
            if heard and heard.si_signo != signal.SIGCHLD:
                self._forward(heard.si_signo)
            self._collect()
        return self._script_code()

    def _script_code(self) -> int:
        """The script's exit code as a shell tells it."""
        code = os.waitstatus_to_exitcode(self.status or 0)
        return code if code >= 0 else 128 - code

    # --- watching ---------------------------------------------------------------------------

    def _watch(self) -> Notice | None:
        """Wait for the script's end or for a reason to leave."""
        while True:
            heard = signal.sigtimedwait(_HEARD, _TICK_SECONDS)
            self._collect()
            sign = heard.si_signo if heard else 0
            if sign == signal.SIGTERM:
                return self._terminated()
            if self.status is not None:
                return self._why_ended()
            if sign in _FORWARDED or (sign == signal.SIGUSR1 and self.own_signal):
                self._forward(sign)
            elif sign == signal.SIGUSR1 and (notice := self._warned()):
                return notice
            if notice := self._clock_says():
                return notice
            self._look_for_programs()

    def _collect(self) -> None:
        """Collect every child that has ended; remember the script's own status."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child:
                self.status = status

    def _clock_says(self) -> Notice | None:
        now_utc = time.time()
        if not self.clock.due(now_utc + _BEFORE_PROGRAMS_SECONDS):
            return None
        if self._comes_back():
            return self._notice("time limit", come_back=True)
        if not self.committed_early:  # not to be started again: save, and go on to the limit
            self.committed_early = True
            self._note(lambda: self.seat.tell("commit"))
            why = "--no-requeue was given" if self.stays else "nothing of it is captured"
            _say(self.attempt, f"the time limit is near, the job goes on to it: {why}")
        return None

    def _comes_back(self) -> bool:
        """Tell whether another attempt is wanted and would have something to go on from."""
        return not self.stays and bool(steps.all_steps(self.seat.path))

    def _look_for_programs(self) -> None:
        """Say once, after a while, that a Python of the script does not carry the runtime."""
        if self.looked or time.monotonic() < self.began + _LOOK_SECONDS:
            return
        self.looked = True
        if steps.registered(self.seat.path, self.attempt.number):
            return
        if any(each.name.startswith("python") for each in processes.below(os.getpid())):
            said = "NOT CAPTURED: the script's Python does not carry the runtime"
            self._plan("running", said)
            _say(self.attempt, said)

    def _warned(self) -> Notice | None:
        """Judge a SIGUSR1: Slurm's early word of the time limit is left to the clock."""
        if self.clock.expects_warning(time.time()):
            return None
        if not self._comes_back():
            self._note(lambda: self.seat.tell("commit"))
            return None
        return self._notice("signal", come_back=True)

    def _terminated(self) -> Notice:
        """Judge a SIGTERM by what Slurm says of the job."""
        until_utc = time.time() + 0.6 * self.kill_wait_seconds
        try:
            facts = client.show_job(self.view.shown_id, within_seconds=2.0)
        except DartError:
            facts = None
        over = self.clock.end_utc is not None and time.time() >= self.clock.end_utc - 2.0
        if facts and facts.restarts > self.view.restart_count:
            why = "preempted" if facts.preempted else "requeued by Slurm or a user"
            return Notice(why, come_back=False, until_utc=until_utc)
        if over or (facts and facts.reason == "TimeLimit"):
            return Notice("time limit", come_back=self._comes_back(), until_utc=until_utc)
        if facts and facts.preempted:
            return Notice("preempted", come_back=self._comes_back(), until_utc=until_utc)
        return Notice("cancelled", come_back=False, until_utc=until_utc)

    def _notice(self, why: str, *, come_back: bool) -> Notice:
        return Notice(why, come_back, self.clock.give_up_utc(time.time()))

    def _why_ended(self) -> Notice | None:
        """Tell a script that has ended from one that was ended, or left, because of a notice."""
        code = os.waitstatus_to_exitcode(self.status or 0)
        if code in (-signal.SIGTERM, 128 + signal.SIGTERM):
            heard = signal.sigtimedwait((signal.SIGTERM,), 1.0)
            if heard:
                return self._terminated()
        captured = steps.registered(self.seat.path, self.attempt.number)
        if captured and not self.stays:
            late = self.clock.due(time.time() + _BEFORE_PROGRAMS_SECONDS)
            if code == _LEFT or (late and self._left_behind()):
                return self._notice("time limit" if late else "a program left", come_back=True)
        return None

    def _left_behind(self) -> bool:
        """Tell whether a program of this attempt left before its end."""
        return any(
            record.get("attempt") == self.attempt.number
            and record.get("run_id")
            and record.get("finished_exit_code") is None
            for record in steps.all_steps(self.seat.path).values()
        )

    def _forward(self, sign: int) -> None:
        try:
            os.kill(self.child, sign)
        except ProcessLookupError:
            pass

    # --- the script's own end ---------------------------------------------------------------

    def _ended(self) -> int:
        code = self._script_code()
        self._note(lambda: self.seat.finish(code))
        self.attempt.exit_code = code
        self._record_end("finished")
        why = f"finished with exit code {code}"
        self._plan("nothing", why if code == 0 else f"{why}; dart-resume goes on from there")
        return code

    def _record_end(self, cause: str) -> None:
        self.attempt.cause = cause
        self.attempt.ended_utc = time.time()
        self.attempt.progress = self.progress()
        self._note(lambda: self.seat.record_attempt(self.attempt))

    def _plan(self, what: str, why: str) -> None:
        self._note(lambda: self.seat.plan(what, why))

    def _note(self, write: Callable[[], object]) -> None:
        """Write something down; a full or broken store must not keep us from acting."""
        try:
            write()
        except DartError as cause:
            _say(self.attempt, f"cannot write this down: {cause}")

    # --- leaving ----------------------------------------------------------------------------

    def _leave(self, notice: Notice) -> int:
        _say(self.attempt, f"{notice.why}: committing")
        began = time.monotonic()
        self._hold_shells()
        self._tell_programs()
        left = self._wait_programs(notice.until_utc)
        if self._finished_meanwhile():
            return self._ended()
        self._end_rest()
        seconds = time.monotonic() - began
        said = f"{left} programs did not leave in time" if left else "all programs have left"
        self._record_end(notice.why)
        if not notice.come_back:
            what = "waiting" if notice.why.startswith(("requeued", "preempted")) else "stopped"
            self._plan(what, notice.why)
            _say(self.attempt, f"{notice.why}: {said} after {seconds:.1f} s; {what}")
            return 128 + signal.SIGTERM
        outcome = requeue.come_back(
            self.job,
            self.seat,
            self.attempt,
            view=self.view,
            limits=self.limits,
            why=notice.why,
            until_utc=self.clock.end_utc,
        )
        _say(self.attempt, f"{outcome.why}: {said} after {seconds:.1f} s; {outcome.how}")
        return outcome.exit_code

    def _finished_meanwhile(self) -> bool:
        """Tell whether the script came to its own end just as the job was to leave."""
        if self.status is None or self._left_behind():
            return False
        return os.waitstatus_to_exitcode(self.status) not in (_LEFT, 143, -signal.SIGTERM)

    def _programs(self) -> list[processes.Process]:
        """Living processes of this node that carry the runtime."""
        host = os.uname().nodename
        found = []
        for record in steps.registered(self.seat.path, self.attempt.number):
            seen = processes.look_up(record["pid"]) if record["host"] == host else None
            if seen and seen.start == record["start"]:
                found.append(seen)
        return found

    def _hold_shells(self) -> None:
        """Stop what waits for our programs: it would take their leaving for their end."""
        tree = processes.below(os.getpid())
        ours = {each.pid for each in self._programs()}
        outside = {each.pid for each in tree if each.name in processes.LAUNCHERS}
        for each in processes.callers(ours | outside, tree):
            if each.pid != os.getpid() and each.pid not in outside:
                processes.send(each, signal.SIGSTOP)
        top = processes.look_up(self.child)
        if top and top.pid not in ours | outside and (ours or outside or len(tree) > 1):
            processes.send(top, signal.SIGSTOP)

    def _tell_programs(self) -> None:
        self._note(lambda: self.seat.tell("stop"))
        for each in self._programs():
            processes.send(each, signal.SIGUSR1)

    def _wait_programs(self, until_utc: float) -> int:
        """Wait until every program has left; give the number that has not.

        Launchers are waited for as well: their tasks may be ours, on other nodes.
        """
        while True:
            tree = processes.below(os.getpid())
            launchers = [each for each in tree if each.name in processes.LAUNCHERS]
            waiting = {each.pid for each in [*self._programs(), *launchers]}
            if not waiting or time.time() >= until_utc:
                return len(waiting)
            heard = signal.sigtimedwait((signal.SIGCHLD, signal.SIGTERM), 0.1)
            self._collect()
            if heard and heard.si_signo == signal.SIGTERM:
                until_utc = min(until_utc, time.time() + 0.6 * self.kill_wait_seconds)

    def _end_rest(self) -> None:
        """End what is left; readers at the end of a pipe get a moment to write their last lines."""
        ends = time.monotonic() + 1.0
        while time.monotonic() < ends:
            if all(each.state == "T" for each in processes.below(os.getpid())):
                break
            time.sleep(0.05)
            self._collect()
        for _ in range(20):
            rest = processes.below(os.getpid())
            if not rest:
                return
            for each in rest:
                processes.send(each, signal.SIGKILL)
            time.sleep(0.05)
            self._collect()


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none is overlooked."""
    try:
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def _say(attempt: Attempt, what: str) -> None:
    """One line on the job's standard error."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S")
    try:
        sys.stderr.write(f"dart: {stamp} attempt {attempt.number} on {attempt.node}: {what}\n")
        sys.stderr.flush()
    except OSError:
        pass
