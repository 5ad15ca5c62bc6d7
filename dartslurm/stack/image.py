"""Freeze all frames of the stopped thread, and thaw them into one function that goes on.

`freeze_stack` takes the innermost frame of the program; it gives a `StackImage` (live references,
outermost frame first) or the `Blocked` that says which caller cannot be rebuilt. `thaw_stack`
takes an image that has travelled; it gives a function of no arguments which, called from the
bottom of a new stack, calls continuation after continuation until the innermost goes on.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.interpreter import hidden
from dartslurm.interpreter.code import OPTIMIZED
from dartslurm.interpreter.frames import (
    generator_of,
    handled_below,
    handled_by,
    is_entered,
    local_namespace,
    position,
)
from dartslurm.interpreter.freeze import (
    FrozenFrame,
    Pause,
    freeze,
    pause_at_line,
    previous_exceptions,
    thaw,
)
from dartslurm.interpreter.generators import GeneratorPlan, describe, fill_generator
from dartslurm.stack.links import Blocked, Link, link

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


class FrameImage:
    """One frozen frame: its plan, its values and how it enters the frame above it.

    Values, namespaces, ``adapter``, ``step`` and ``generator`` are objects of the program.
    """

    __slots__ = (
        "adapter", "before", "entry", "file", "generator", "line", "local_namespace", "module",
        "name", "namespace", "plan", "qualname", "step", "values",
    )  # fmt: skip

    def __init__(self, frame: FrameType, frozen: FrozenFrame, made: Link, generator: Any) -> None:
        code: CodeType = frozen.plan.code
        self.name = code.co_name
        self.qualname = code.co_qualname
        self.file = code.co_filename
        self.line = frame.f_lineno
        self.module = frame.f_globals.get("__name__", "?")
        self.namespace = frame.f_globals
        plain = bool(code.co_flags & OPTIMIZED)
        self.local_namespace = None if plain else local_namespace(frame)
        self.plan = frozen.plan
        self.values = frozen.values
        self.entry = made.entry
        self.step = made.step
        self.adapter = made.adapter
        self.before: tuple[Any, ...] | None = made.before
        self.generator = generator

    @property
    def place(self) -> str:
        """Return ``file:line, function`` for people."""
        return f"{self.file}:{self.line}, {self.qualname}"

    @property
    def is_function(self) -> bool:
        """Return whether its variables are a function's own, not a module's or a class body's."""
        return self.local_namespace is None


class StackImage(NamedTuple):
    """All frames, outermost first, and the plans of the generators that were running."""

    frames: list[FrameImage]
    running: dict[int, GeneratorPlan]

    @property
    def place(self) -> str:
        """Return where the innermost frame stands."""
        return self.frames[-1].place if self.frames else "?"


def frames_above(innermost: FrameType, base: Callable[[FrameType], bool]) -> list[FrameType]:
    """Return the program's frames, innermost first, up to the frame for which ``base`` holds.

    There are none where no such frame is below: then the program is not what is running.
    """
    found: list[FrameType] = []
    frame: FrameType | None = innermost
    while frame is not None and not base(frame):
        found.append(frame)
        frame = frame.f_back
    return found if frame is not None or hidden.active else []


def find_links(frames: list[FrameType], start: int = 1) -> list[Link] | Blocked:
    """Return how each caller enters the frame before it in ``frames`` (innermost first)."""
    links: list[Link] = []
    for index in range(start, len(frames)):
        made = link(frames[index], frames[index - 1])
        if isinstance(made, Blocked):
            return made._replace(callee=frames[index - 1] if made.lasts else None)
        links.append(made)
    return links


_OWN: Any = object()


def freeze_stack(
    frames: list[FrameType], waiting: Link | None = None, exception: Any = _OWN
) -> StackImage | Blocked:
    """Freeze ``frames`` (innermost first), whose innermost stands at a line event.

    ``waiting`` says that it is inside a C call instead, and how it goes on. ``exception`` is what
    the frames' thread is handling, where that is another thread.

    Raises:
        InternalError: if a frame is not as the static reading of its code says.
    """
    if not frames:
        return Blocked("no frame of the program", sys._getframe())
    if position(frames[0])[1] < 0:
        return Blocked("prologue", frames[0])
    callers = find_links(frames)
    if isinstance(callers, Blocked):
        return callers
    links = _with_inside([waiting or Link(pause_at_line(frames[0])), *callers])
    generators = [generator_of(frame) for frame in frames]
    exception = sys.exc_info()[1] if exception is _OWN else exception
    handled = _handled(frames, links, generators, exception)
    images: list[FrameImage] = []
    running: dict[int, GeneratorPlan] = {}
    for frame, made, generator, above in zip(frames, links, generators, handled, strict=True):
        frozen = freeze(frame, made.pause, above, made.given, len(made.before))
        if generator is not None:
            running[id(generator)] = describe(generator, frozen, "running")
        images.append(FrameImage(frame, frozen, made, generator))
    images.reverse()
    return StackImage(images, running)


def _with_inside(links: list[Link]) -> list[Link]:
    """Give each callee what its caller's link asks it to call first."""
    insides = [*(made.inside for made in links[1:]), ()]
    return [
        made._replace(before=inside + made.before) if inside else made
        for made, inside in zip(links, insides, strict=True)
    ]


def _handled(
    frames: list[FrameType], links: list[Link], generators: list[Any], exception: Any
) -> list[list[Any]]:
    """Return, for each frame, the exception handled above each of its ``p`` slots.

    The thread handles one exception at a time per *stack of exceptions*; each running generator
    has a stack of its own. Walking outwards, the value of a ``p`` slot is what was handled below.
    """
    running = [g for g in generators if g is not None]
    current = handled_by(running[0]) if running else exception
    result: list[list[Any]] = []
    for frame, made, generator in zip(frames, links, generators, strict=True):
        above: list[Any] = []
        level = current if generator is None else handled_by(generator)
        for previous in reversed(_previous(frame, made.pause)):
            above.insert(0, level)
            level = previous
        result.append(above)
        if generator is None:
            current = level
        elif is_entered(generator):  # else an exception is thrown through it: not in the chain
            current = handled_below(generator)
    return result


def _previous(frame: FrameType, pause: Pause) -> list[Any]:
    return previous_exceptions(frame, pause) if "p" in pause.kinds else []


def _entry(image: FrameImage, inner: Any) -> Any:
    """Return what the prologue of ``image`` calls."""
    if image.entry == "within":
        return partial(image.step, inner)
    return {"call": inner, "step": image.step, "again": None}[image.entry]


def thaw_stack(images: list[FrameImage]) -> Callable[[], Any]:
    """Return the function that goes on.

    Each frame's values move into its continuation: an image can be thawed once.
    """
    inner: Any = None
    for image in reversed(images):
        entered: Any = None
        if image is not images[-1]:
            entered = _entry(image, inner)
        if image.generator is not None:
            fill_generator(
                image.generator, image.values, entered, image.adapter, image.before or ()
            )
            inner = None
        else:
            inner = thaw(
                FrozenFrame(image.plan, image.values),
                image.namespace,
                entered,
                image.adapter,
                image.before or (),
                name=image.name,
                qualname=image.qualname,
                local_namespace=image.local_namespace,
            )
        image.adapter = image.step = image.generator = image.before = None
    start: Callable[[], Any] = inner
    return start
