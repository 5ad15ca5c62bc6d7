"""The upper line: from a request to a committed version.

    trigger → gate → stack.freeze → state.pickler → delta.stage → store.publish

`capture` runs in the main thread between two lines of the program. What it returns early with is
the reason why this instant will not do; the gate then tries a later line. Everything after
`stage` runs in a thread of ours while the program goes on.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dartslurm.delta.cuts import Cuts
from dartslurm.delta.stage import Chunking, stage
from dartslurm.delta.staging import Staging
from dartslurm.errors import NotYetError
from dartslurm.interpreter.frames import outermost
from dartslurm.interpreter.gil import undisturbed, unmoved
from dartslurm.interpreter.threads import thread_states
from dartslurm.safepoint.request import Request
from dartslurm.stack.failure import freeze_failure
from dartslurm.stack.image import StackImage, find_links, frames_above, freeze_stack
from dartslurm.stack.links import Blocked, Link
from dartslurm.stack.names import name_objects, scopes_of
from dartslurm.stack.threads import freeze_thread
from dartslurm.stack.waits import link_waiting
from dartslurm.state import in_progress, services, threads
from dartslurm.state.kinds import registered
from dartslurm.state.ledger import named
from dartslurm.state.modules import module_items, user_modules
from dartslurm.state.outside import files, signals, surroundings
from dartslurm.state.pickler import dump_state
from dartslurm.store.chunks import digest, memory_shape, plan_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType

    from dartslurm.journal import Journal
    from dartslurm.model.parts import PickledState, StagedVersion
    from dartslurm.safepoint.gate import Gate
    from dartslurm.safepoint.rest import Rest, Wait
    from dartslurm.store.background import Publisher

_VETO_SECONDS = 0.5
_BLOCKED_SECONDS = 5.0
_NAMED_SECONDS = 3.0
"""After this long the journal shall say which variable it is that refuses."""


@dataclass(slots=True)
class Recorder:
    """What stays the same from one version of a run to the next."""

    publisher: Publisher
    journal: Journal
    is_base: Callable[[FrameType], bool]
    is_user: Callable[[CodeType], bool]
    facts: dict[str, Any]
    """Plain values for every version's ``meta``: attempt, node, interpreter, …"""
    sources: Callable[[], dict[str, str]]
    """Digests of the files that the program's own modules come from."""
    keep_outputs: Callable[[], None]
    """Copies what standard output has got, where a shell would empty it."""
    rest: Rest
    """Brings the program's other threads to rest."""
    cuts: Cuts = field(default_factory=Cuts)
    staging: Staging = field(default_factory=Staging)
    gate: Gate | None = None
    last_pause: float = 0.0
    copies_last: bool = False
    """A last version was written from the program's own memory, in vain: now from a copy."""
    veto: NotYetError | None = None
    is_unnamed: bool = False
    """Whether the veto does not say yet which variable it comes from."""
    veto_until: float = 0.0
    """When to look again in any case: the reason may hold for something the program has left."""
    borne: set[str] = field(default_factory=set)
    """Paths of local variables that a version was taken without, because they did not pass."""
    loss_seconds: float = 2.0
    """How long a function's own object that would be lost puts a version off."""
    loss_until: float = 0.0
    """Until when the open request is kept waiting by such a loss."""
    captured: Callable[[Request, float], None] = field(default=lambda request, seconds: None)


def capture(
    frame: FrameType, request: Request, recorder: Recorder, wait: Wait | None = None
) -> str | None:
    """Take one version of the program, whose main thread stands before a line of ``frame``.

    ``wait`` says that it waits in a C call of ``frame`` instead, and how much is left of it.

    Returns:
        ``None`` when the version was taken, else why it cannot be taken at this instant.

    Durability:
        On disk at return when ``request.is_final``; else soon after, or the journal says why not.
    """
    if recorder.publisher.is_writing and not request.is_final:
        return "the version before is still being written"
    if recorder.veto is not None and perf_counter() < recorder.veto_until:
        to_name = recorder.is_unnamed and request.waited_seconds > _NAMED_SECONDS
        if not to_name and recorder.veto.still():
            return str(recorder.veto)
    try:
        signals.hold()  # what a handler raises here is the program's: see `Gate.failed`
        return _capture_held(frame, request, recorder, wait)
    finally:
        try:
            signals.release()
        finally:
            recorder.rest.release()


def _capture_held(
    frame: FrameType, request: Request, recorder: Recorder, wait: Wait | None
) -> str | None:
    """Take the version while no handler of the program can run: what fails is a failure of ours."""
    try:
        callers = find_links(frames_above(frame, recorder.is_base))
        if isinstance(callers, Blocked):
            return _blocked(callers, recorder)
        del callers  # they hold what a C function is filling, and it is known by being held once
        rest = recorder.rest
        return rest.gather(request, recorder.last_pause) or _take(frame, request, recorder, wait)
    except BaseException as error:
        raise error.with_traceback(None) from None  # code of the program may have run below us


def _take(frame: FrameType, request: Request, recorder: Recorder, wait: Wait | None) -> str | None:
    """Take the version: every other thread is at rest."""
    rest = recorder.rest
    with undisturbed() as calm:
        try:
            stacks = _freeze_all(frame, wait, recorder)
        except NotYetError as moved:
            return str(moved)
        if isinstance(stacks, Blocked):
            return _blocked(stacks, recorder)
        rest.read()
        if stacks.others:
            calm.allow_switches()
        try:
            staged = _read(stacks, request, recorder, calm)
            _look_at_losses(staged.meta["ledger"], stacks.main, recorder)
        except NotYetError as veto:
            return _vetoed(veto, frame, recorder, calm)
        recorder.veto = None
        del stacks
        if rest.stirred():
            return "a thread came back from its wait meanwhile"
    pause = recorder.last_pause = perf_counter() - calm.begun
    recorder.captured(request, pause)
    if not staged.is_live:  # else it is the program's own memory that is written
        rest.release()
    written = recorder.publisher.publish(staged, wait=request.is_final or staged.is_live)
    if request.is_final and not written:
        recorder.copies_last = True
        return "the version could not be written"
    return None


def _vetoed(veto: NotYetError, frame: FrameType, recorder: Recorder, calm: undisturbed) -> str:
    """Remember why this instant was refused, and for how long nothing is looked at again."""
    recorder.is_unnamed = veto.culprit is not None
    veto.culprit = veto.__traceback__ = None  # it holds the stack that has just been read
    now = perf_counter()
    seconds = max(_VETO_SECONDS, 20 * (now - calm.begun))
    recorder.veto, recorder.veto_until = veto, now + seconds
    holder = outermost(frame, veto.holder) if veto.holder else None
    if recorder.gate is not None and holder is not None:
        recorder.gate.blocked_below(holder, min(seconds, _BLOCKED_SECONDS))
    if recorder.gate is not None and veto.lifted_by_us:
        recorder.gate.lay_off()
    return str(veto)


@dataclass(slots=True)
class Stacks:
    """The frozen stacks: the main thread's, and those of the others by identity."""

    main: StackImage
    others: dict[int, StackImage] = field(default_factory=dict)


def _freeze_all(frame: FrameType, wait: Wait | None, recorder: Recorder) -> Stacks | Blocked:
    waiting: Link | None = None
    if wait is not None:
        made = link_waiting(frame, wait.left_seconds)
        if isinstance(made, Blocked):
            return made
        waiting = made
    main = freeze_stack(frames_above(frame, recorder.is_base), waiting)
    if isinstance(main, Blocked):
        return main
    stacks = Stacks(main)
    with unmoved():
        if restless := recorder.rest.settle():
            raise NotYetError(restless)
        for ident, one in recorder.rest.found.items():
            left = one.wait.left_seconds if one.wait is not None else None
            frozen = freeze_thread(ident, one.frame, one.wait is not None, left)
            if isinstance(frozen, Blocked):
                return frozen._replace(callee=None)
            stacks.others[ident] = frozen
    return stacks


def capture_failure(traceback: TracebackType | None, recorder: Recorder) -> str | None:
    """Take a version at the start of the statement whose exception nobody caught.

    ``traceback`` begins with the program's outermost frame, which has ended by now.

    Returns:
        ``None`` when the version was taken, else why the newest periodic version must serve.

    Durability:
        On disk at return.
    """
    recorder.publisher.wait(60.0)
    with undisturbed() as calm:
        stack = freeze_failure(traceback, recorder.is_user)
        if isinstance(stack, Blocked):
            return stack.reason
        try:
            staged = _read(Stacks(stack), Request("failure"), recorder, calm)
        except NotYetError as veto:
            return str(veto)
    recorder.publisher.publish(staged, wait=True)
    return None


def _read(stacks: Stacks, request: Request, recorder: Recorder, calm: undisturbed) -> StagedVersion:
    """Pickle everything that the stopped program is made of, and copy aside what is new."""
    stack = stacks.main
    modules = {name: module_items(module) for name, module in user_modules().items()}
    running = dict(stack.running)
    for other in stacks.others.values():
        running.update(other.running)
    others = {ident: one.frame for ident, one in recorder.rest.found.items() if stacks.others}
    serving = recorder.rest.services
    services.check(_frames_of(stacks))
    threads.enter(thread_states() if others else {}, others, serving)
    try:
        rows = [{**threads.collect(i), "frames": one.frames} for i, one in stacks.others.items()]
        outside, lost = surroundings.collect()
        root = {
            "outside": outside, "modules": modules, "frames": stack.frames,
            "threads": rows, "in_progress": in_progress.find(_frames_of(stacks)),
            "services": services.with_work(),
        }  # fmt: skip
        pickled = _pickle(root, stack, running, request)
        pickled.ledger.extend(lost)
        facts = threads.facts({i: one.place for i, one in stacks.others.items()})
    finally:
        threads.leave()
        in_progress.forget()
    lengths = files.collect()  # after the pickling, which flushes what is being written
    recorder.keep_outputs()
    for problem in registered.take_problems():
        recorder.journal.write("problem", message=problem)
    recorder.staging.begin(
        in_flight=recorder.publisher.is_writing,
        copies=not request.is_final or recorder.copies_last or bool(stacks.others),
        patient=request.cause != "failure",
    )
    known = recorder.publisher.writer.known
    return stage(
        pickled,
        Chunking(plan_chunks, memory_shape, digest, known, recorder.cuts, recorder.staging),
        {
            **_describe(stack, request, recorder, pickled, calm.begun),
            "threads": {"main": get_ident(), "others": facts},
            "surroundings": {**surroundings.collect_plain(), "switch_interval": calm.interval},
            "files": lengths,
        },
    )


def _pickle(
    root: dict[str, Any], stack: StackImage, running: dict[int, Any], request: Request
) -> PickledState:
    """Pickle the graph; a veto that lasts names the variable that leads to its object."""
    modules = root["modules"]
    scopes = scopes_of(stack.frames, modules)
    try:
        return dump_state(
            root,
            path_of=name_objects(stack.frames, modules).get,
            running={key: (plan, []) for key, plan in running.items()},
            scopes=scopes,
        )
    except NotYetError as veto:
        if request.waited_seconds > _NAMED_SECONDS:
            raise named(veto, scopes, root) from None
        raise


def _frames_of(stacks: Stacks) -> list[in_progress.Frame]:
    images = [stacks.main, *stacks.others.values()]
    return [(f.plan.code, f.namespace, f.values) for image in images for f in image.frames]


def _look_at_losses(ledger: list[dict[str, Any]], stack: StackImage, recorder: Recorder) -> None:
    """Refuse an instant at which a function holds what would be lost: most functions end soon.

    A library's helper (the one of NumPy's ``linspace`` lives for a few lines, the matrix in an
    XGBoost training for its whole time) is needed again by the frames above it: the version before
    is worth more than one without it. What the program's own functions hold for long is borne
    after a while, and from then on.

    Raises:
        NotYetError: if a local variable of a running function would be lost.
    """
    frames = [frame for frame in stack.frames if frame.is_function]
    holders = {frame.qualname.replace(".<locals>", ""): frame.plan.code for frame in frames}
    lost = {row["path"]: name for row in ledger if row["lost"] for name in holders
            if row["path"].startswith(f"{name}.")}  # fmt: skip
    own = {path for path, name in lost.items() if recorder.is_user(holders[name])}
    now = perf_counter()
    recorder.loss_until = recorder.loss_until or now + recorder.loss_seconds
    if now > recorder.loss_until:
        recorder.borne |= own
    left = lost.keys() - recorder.borne
    if not left:
        recorder.loss_until = 0.0
        return
    path = min(left - own or left)
    error = NotYetError(f"{path} would be lost")
    error.still = lambda: outermost(sys._getframe(), lost[path]) is not None
    if path not in own:
        error.holder = lost[path]
    raise error


def _blocked(stack: Blocked, recorder: Recorder) -> str:
    if recorder.gate is not None and stack.callee is not None:
        recorder.gate.blocked_below(stack.callee)
    return f"{stack.reason} in {stack.frame.f_code.co_qualname}"


def _describe(
    stack: StackImage,
    request: Request,
    recorder: Recorder,
    pickled: PickledState,
    begun: float,
) -> dict[str, Any]:
    return {
        **recorder.facts,
        "cause": request.cause,
        "place": stack.place,
        "frames": [frame.place for frame in stack.frames],
        "waited_seconds": round(request.waited_seconds, 4),
        "waited_for": request.waited_for,
        "pause_seconds": round(perf_counter() - begun, 6),
        "sources": recorder.sources(),
        "header": pickled.header,
        "ledger": pickled.ledger,
        "variables": pickled.variables,
    }
