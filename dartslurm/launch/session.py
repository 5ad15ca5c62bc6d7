"""A session: one process that runs one attempt of a run under capture.

Joins the parts for the life of the process: store, journal, gate, trigger, signals. It is the
host's guest: whatever fails here is a line in the journal and, where it matters to the user, one
line on standard error; the program runs on.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm._version import __version__
from dartslurm.aside import NOTICES
from dartslurm.capture import Recorder, capture, capture_failure
from dartslurm.delta.staging import Staging
from dartslurm.errors import DartError
from dartslurm.interpreter.layouts import PYTHON_VERSION
from dartslurm.interpreter.threads import native_ids
from dartslurm.journal import Journal
from dartslurm.launch import notice
from dartslurm.launch.ending import (
    attempt_twice,
    exit_code_of,
    flush_streams,
    hide_our_frames,
    leave_at_once,
)
from dartslurm.launch.program import enter, is_base
from dartslurm.launch.sources import Sources
from dartslurm.safepoint.forking import RestInFork
from dartslurm.safepoint.gate import Gate
from dartslurm.safepoint.request import Request
from dartslurm.safepoint.rest import Rest, Wait
from dartslurm.safepoint.trigger import EXIT_COMMITTED, Trigger
from dartslurm.stack.threads import thread_obstacle
from dartslurm.state import services
from dartslurm.state.outside import files as outside_files
from dartslurm.state.outside import outputs, surroundings
from dartslurm.state.outside.undo_log import UndoLog
from dartslurm.store.background import Publisher
from dartslurm.store.signature import line_signer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from dartslurm.model.settings import Settings
    from dartslurm.model.version import Version
    from dartslurm.store.repository import Run

EXIT_TERMINATED = 143
_TERM_LIMIT_SECONDS = 20.0
_LONG_SECONDS = 10.0
_PATIENCE = 1.0
"""How long a request must have been open at the end for the journal to say what it waited for."""
"""A request that has waited longer is noted in the journal, with its reason."""


def _obstacle(frame: FrameType, wait: Wait | None) -> tuple[str, FrameType | None]:
    return thread_obstacle(frame, wait is not None, is_base)


def _is_worker() -> bool:
    """Tell whether ``multiprocessing`` has just forked this process: it lives for its parent."""
    walk: FrameType | None = sys._getframe(1)
    while walk is not None:
        if walk.f_globals.get("__name__") == "multiprocessing.popen_fork":
            return True
        walk = walk.f_back
    return False


class Session:
    """Runs one attempt of ``run``."""

    def __init__(self, run: Run, settings: Settings, *, parent: int | None = None) -> None:
        self.run = run
        self.settings = settings
        self.journal = Journal(run.journal_path)
        self._pid = os.getpid()
        self._outputs = os.path.join(run.path, "outputs")
        signer = line_signer(f"undo log of {run.record.run_id}")
        self.undo_log = UndoLog(os.path.join(run.path, "undo"), signer)
        self._sources = Sources()
        self._exit_code: int | None = None
        self._finishers: list[Callable[[int], None]] = []
        writer = run.open_writer(attempt=settings.attempt, parent=parent, quota=settings.quota)
        self.publisher = Publisher(writer, self._published, self._not_published)
        self.recorder = Recorder(
            self.publisher, self.journal, is_base, self._is_user, self._facts(),
            self._sources.digests, lambda: outputs.keep(self._outputs),
            Rest(is_base, _obstacle, native_ids, services.standing),
            staging=Staging(settings.memory_bytes),
        )  # fmt: skip
        self.gate = Gate(self.attempt, is_base, self._is_user, self._report, self.recorder.rest)
        self.recorder.gate = self.gate
        self.recorder.loss_seconds = float(os.environ.get("DART_TEST_LOSS_SECONDS") or 2.0)
        self.recorder.captured = self._captured
        self.trigger = Trigger(
            self.gate, settings, self._read_control, lambda: self.publisher.is_writing,
            self.recorder.staging.make_ready,
        )  # fmt: skip
        self._rest_in_fork = RestInFork(
            self.trigger, lambda: self.publisher.thread_id, self.gate.failed
        )
        self._fenced = False
        self.begin_others: Callable[[], None] = lambda: None

    def on_finish(self, act: Callable[[int], None]) -> None:
        """Call ``act`` with the exit code when the program has ended by itself."""
        self._finishers.append(act)

    def go(self, start: Callable[[], Any]) -> None:
        """Run the program from ``start`` to its end; raises what the program raises."""
        self.journal.write("attempt", attempt=self.settings.attempt, version=__version__)
        atexit.register(self._finish)
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork,
            after_in_child=self._forget,
        )
        services.imported()
        surroundings.watch()
        outside_files.watch(
            self.undo_log,
            self._file_not_kept,
            (self.run.path, self.settings.store),
            self.settings.job_outputs,
        )
        self.gate.open()
        self.trigger.start(self._give_up)
        self._take_signals()
        self._plan_test_stop()
        error: BaseException | None = None
        self.begin_others()
        try:
            enter(start)
        except BaseException as raised:
            error = raised
            try:
                self._leave(raised)
            except BaseException:  # the program's own error is the one to be seen
                pass
            raise
        finally:
            try:
                self._leave(error)
            except BaseException:
                pass
            del error  # its traceback holds this frame: a cycle would keep the program's namespace

    def _facts(self) -> dict[str, Any]:
        return {
            "attempt": self.settings.attempt,
            "node": os.environ.get("SLURMD_NODENAME") or os.uname().nodename,
            "python": PYTHON_VERSION,
            "executable": sys.executable,
            "dartslurm": __version__,
            "hash_seed": os.environ.get("DART_HASH_SEED", ""),
        }

    def _is_user(self, code: CodeType) -> bool:
        return self._sources.is_user_file(code.co_filename)

    # --- capture -------------------------------------------------------------------------------

    def attempt(self, frame: FrameType, request: Request, wait: Wait | None = None) -> str | None:
        """Take a version at ``frame``; return why not, or ``None``."""
        if self._fenced or os.getpid() != self._pid:
            return "another instance has taken the run over"
        begun = monotonic()
        try:
            refusal = capture(frame, request, self.recorder, wait)
        except BaseException:
            self.trigger.failed(monotonic() - begun)
            raise
        if request.is_final and (refusal is None or self._fenced):
            self._stop(request)
        if refusal and request.waited_seconds > _LONG_SECONDS and not request.is_noted:
            self._note_wait(request, str(self.recorder.veto or refusal))
        return refusal

    def _note_wait(self, request: Request, reason: str) -> None:
        request.is_noted = True
        self.journal.write(
            "waiting", cause=request.cause, attempts=request.attempts, waited_for=reason,
            waited_seconds=round(request.waited_seconds, 3),
        )  # fmt: skip

    def _captured(self, request: Request, pause_seconds: float) -> None:
        self.trigger.captured(pause_seconds + request.armed_seconds)
        self.journal.write(
            "captured", cause=request.cause, pause_seconds=round(pause_seconds, 6),
            waited_seconds=round(request.waited_seconds, 6),
            armed_seconds=round(request.armed_seconds, 6), attempts=request.attempts,
            waited_for=request.waited_for,
        )  # fmt: skip

    def _published(self, version: Version, seconds: float, cost_seconds: float) -> None:
        interval = self.trigger.published(cost_seconds)
        self.journal.write(
            "committed", number=version.number, cause=version.cause, place=version.place,
            bytes_new=version.bytes_new, seconds=round(seconds, 6),
            cost_seconds=round(cost_seconds, 6), interval_seconds=round(interval, 3),
            interval_reason=self.trigger.reason(),
        )  # fmt: skip
        outside_files.drop_old(self.undo_log)

    def _not_published(self, error: BaseException) -> None:
        self._report(f"{type(error).__name__}: {error}")
        if isinstance(error, DartError) and error.kind in ("conflict", "fenced"):
            self._fenced = True
            self.trigger.stop()

    def _report(self, message: str) -> None:
        self.journal.write("problem", message=message)

    def _give_up(self, request: Request) -> None:
        self._note_no_instant(request)
        self.publisher.wait(5.0)

    def _note_no_instant(self, request: Request) -> None:
        self.journal.write(
            "no-instant", cause=request.cause, waited_seconds=round(request.waited_seconds, 3),
            waited_for=request.waited_for, attempts=request.attempts,
        )  # fmt: skip

    def _note_unanswered(self) -> None:
        """Say why no version was taken for a request that the program's end leaves open."""
        request = self.gate.request
        if request is not None and (request.is_final or request.waited_seconds > _PATIENCE):
            self._note_no_instant(request)

    def _stop(self, request: Request) -> None:
        """The last version is committed: leave without the program's own clean-up."""
        code = request.exit_code or EXIT_COMMITTED
        leave_at_once(code, lambda: self._release("stopped"), services.abandon)

    def _leave(self, error: BaseException | None) -> None:
        """Let go of a program that has ended, with ``error``; what fails is tried once more."""
        acts = [self._note_unanswered, self.gate.close, self.trigger.stop]
        if error is not None and self._exit_code is None:
            acts += [partial(hide_our_frames, error), partial(self._keep_failure, error)]
        for act in acts:
            attempt_twice(act)
        self._exit_code = exit_code_of(error)

    def _keep_failure(self, error: BaseException) -> None:
        """Keep the start of the failing statement: it may work once its cause is mended."""
        if not isinstance(error, Exception) or os.getpid() != self._pid or self._fenced:
            return
        try:
            refusal = capture_failure(error.__traceback__, self.recorder)
        except Exception as problem:
            refusal = f"{type(problem).__name__}: {problem}"
        self.journal.write("failed", error=type(error).__name__, not_kept=refusal)

    def _release(self, event: str) -> None:
        self.publisher.wait(30.0)
        self.journal.write(event, attempt=self.settings.attempt)
        problem = attempt_twice(self.publisher.writer.close)
        if problem is not None:
            self._report(str(problem))

    # --- notices -------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        """Own USR1 and TERM where the program has not taken them; it may later."""
        for number in NOTICES:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._on_signal)
        for real_time in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
            if signal.getsignal(real_time) is signal.SIG_DFL:
                signal.signal(real_time, self.gate.on_poke)
                self.gate.poke_signal = real_time
                break
        notice.let_through()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        for _ in (1, 2):  # a notice does not come again, and memory may be short for a moment
            try:
                if os.getpid() == self._pid:  # a worker leaves the version to its parent
                    self._ask_for_last(number)
                    if frame is not None:
                        self.gate.arm_now(frame)
                return
            except BaseException as error:
                if self.gate.failed(error):
                    raise

    def _ask_for_last(self, number: int) -> None:
        terminated = number == signal.SIGTERM
        request = Request("signal", exit_code=EXIT_TERMINATED if terminated else EXIT_COMMITTED)
        deadline = self.settings.deadline_utc
        if deadline is not None and not terminated:
            request.limit_seconds = max(1.0, deadline - 5.0 - time())
        elif terminated:
            request.limit_seconds = _TERM_LIMIT_SECONDS
        self.gate.ask(request)

    def _ignore_signals(self) -> None:
        for number in self._ours():
            signal.signal(number, signal.SIG_IGN)

    def _read_control(self) -> str:
        path = self.settings.control_path
        if not path:
            return ""
        try:
            return (disk.read_file(path, 64) or b"").decode("ascii", "replace").strip()
        except DartError:
            return ""

    def _file_not_kept(self, path: str, why: str) -> None:
        """A file is about to be overwritten that could not be copied aside."""
        self.journal.write("not-kept", path=path, why=why)

    def _ours(self) -> list[signal.Signals]:
        """Return the notices that the program has not taken."""
        return [one for one in NOTICES if signal.getsignal(one) == self._on_signal]

    def _before_fork(self) -> None:
        """Let a notice to a new child wait until it can end it, as the default action would.

        The interpreter drops what came before it has set itself up in the child.
        """
        try:
            self._rest_in_fork.before()
        finally:
            notice.hold_back_fork(self._ours())

    def _after_fork(self) -> None:
        try:
            notice.let_fork_through()
        finally:
            self._rest_in_fork.after()

    def _forget(self) -> None:
        """In a forked child: nothing of ours happens there.

        A handler written in Python would not do for TERM: one that comes just before a call that
        waits is handled after it, and who ends its workers waits for them.
        """
        try:
            kept = (signal.SIGUSR1,) if _is_worker() else ()
            for number in self._ours():
                if number not in kept:
                    signal.signal(number, signal.SIG_DFL)
            self.gate.close()
            self.trigger.stop()
        finally:
            notice.let_fork_through()

    def _plan_test_stop(self) -> None:
        wanted = os.environ.get("DART_TEST_STOP_AT")
        if wanted:
            from dartslurm.launch.stepping import StopAt

            StopAt(wanted, self).start()

    # --- the end -------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Note the exit code as late as possible (first registered with atexit, last run)."""
        try:
            if os.getpid() != self._pid or self._exit_code is None:
                return
            acts: list[Callable[[], Any]] = [
                surroundings.forget, outside_files.flush_open_files,
                self._ignore_signals,  # too late for a version; the interpreter is about to go
                partial(self.publisher.wait, 60.0), flush_streams,
                partial(outputs.keep, self._outputs), partial(self.run.finish, self._exit_code),
            ]  # fmt: skip
            acts += [partial(act, self._exit_code) for act in self._finishers]
            acts.append(partial(self.journal.write, "finished", exit_code=self._exit_code))
            for act in acts:
                problem = attempt_twice(act)
                if problem is not None:
                    self._report(str(problem))
            self._release("released")
        except BaseException:  # the program has ended as it wanted to, whatever we could not note
            return
