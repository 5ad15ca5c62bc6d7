"""Read the locals of a running C function, found by calling it on values that are known.

``sum(generator)`` keeps its part in a register or on the C stack; nothing else refers to it. But
compiled code does not vary: at one return address a local lies at one distance from the callee's
evaluation loop. So the function is called here as the program calls it, with chosen values, and
the callee looks where they are. `measure` does that once a process; `State.read` then reads the
same places below a callee of the program's.

Two things make it certain. The *signature* of a state is every return address between the two
evaluation loops that belongs to the C functions in between: it says at which of its instructions
each of them waits, thus which phase of its work it is in (``sum`` has one loop for integers, one
for floats, one for anything else). And a place counts only if it held the value each time, over
runs that differ in their values, in how the function was called and in what the stack held before.

The invariant: what is read is the local, or nothing is read. A build, a library or a debugger that
changes the calls in between changes the signature, and the call stays blocked.
"""

from __future__ import annotations

import itertools
import operator
import sys
from ctypes import c_double, c_ssize_t
from typing import TYPE_CHECKING, Any, NamedTuple

from dartslurm.interpreter.c_stack import executable, span
from dartslurm.interpreter.words import object_at, word

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Experiment = Callable[[Callable[..., Any], "Dice", "Notebook"], Any]

_DEEPEST = 4096
"""Bytes above the callee's evaluation loop in which the C functions in between lie."""
_RUNS = 12
_FEWEST_VALUES = 4


class State(NamedTuple):
    """One phase of a C function: how it is recognised, and where its locals are.

    Shape:
        signature: pairs (distance, return address), distances ascending, in bytes.
        places: by name, the distances at which the local lies.
    """

    phase: str
    signature: tuple[tuple[int, int], ...]
    places: dict[str, tuple[int, ...]]

    def fits(self, low: int, high: int) -> bool:
        """Tell whether the C functions between two evaluation loops are in this state."""
        return all(
            low + distance < high and word(low + distance) == wanted
            for distance, wanted in self.signature
        )


class Locals:
    """The locals of one C function that waits for a callee, by name."""

    def __init__(self, state: State, low: int) -> None:
        self.phase = state.phase
        self._places = {
            name: [low + distance for distance in distances]
            for name, distances in state.places.items()
        }

    def integer(self, name: str) -> int:
        """Return a C ``long``."""
        return c_ssize_t.from_address(self._places[name][0]).value

    def real(self, name: str) -> float:
        """Return a C ``double``."""
        return c_double.from_address(self._places[name][0]).value

    def reference(self, name: str, empty: Any) -> Any:
        """Return the object that a ``PyObject *`` refers to, ``empty`` where it is ``NULL``."""
        return object_at(self._places[name][0], empty) if name in self._places else empty

    def agree(self) -> bool:
        """Tell whether all places of each local hold the same."""
        return all(len({word(place) for place in places}) == 1 for places in self._places.values())


class Dice:
    """Throw numbers that differ from run to run, and are the same in every process."""

    def __init__(self, seed: int) -> None:
        self._state = seed + 1

    def number(self, low: int, high: int) -> int:
        """Return a number from ``low`` to below ``high``, which may lie 2**60 apart."""
        # A linear congruential generator (Knuth's MMIX); only the upper bits are of use.
        for _ in range(2):
            self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return low + (self._state >> 4) * (high - low) // 2**60

    def real(self) -> float:
        """Return a number from 0 to 1."""
        return self.number(1, 2**50) / 2**50


class Notebook:
    """What the callee of a measured call notes: the phase, the stack and what should be there."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, list[int], dict[str, int]]] = []
        self._kept: list[Any] = []

    def note(self, phase: str, **expected: Any) -> None:
        """Note the stack below the caller of this method; ``expected`` are the C locals.

        An ``int`` is expected as a C ``long``, a ``float`` as a ``double``, ``None`` as a null
        pointer, a one-tuple as a pointer to its item.
        """
        self._kept.append(expected)  # one address, one object, as long as anybody compares
        low, high = span(sys._getframe(1))
        count = max(0, min(high - low, _DEEPEST) // 8)
        words = list((c_ssize_t * count).from_address(low))
        self.steps.append((phase, words, {name: _word_of(one) for name, one in expected.items()}))


def _word_of(value: Any) -> int:
    if value is None:
        return 0
    if type(value) is tuple:
        return id(value[0])
    if type(value) is float:
        return c_ssize_t.from_buffer(c_double(value)).value
    return int(value)


_measured: dict[Any, list[State]] = {}


def find(key: Any, experiment: Experiment, inner: FrameType) -> Locals | None:
    """Return the locals of the C function that waits for ``inner``, or ``None``.

    ``experiment`` calls that function in the same way; ``key`` says which way that is.
    """
    if key not in _measured:
        _measured[key] = measure(experiment)
    low, high = span(inner)
    for state in _measured[key] if 0 < low < high else ():
        if state.fits(low, high):
            found = Locals(state, low)
            return found if found.agree() else None
    return None


def measure(experiment: Experiment) -> list[State]:
    """Run ``experiment`` often and return the states whose locals were found with certainty."""
    notebooks = [Notebook() for _ in range(_RUNS)]
    for number, notebook in enumerate(notebooks):
        experiment(_WAYS[number % len(_WAYS)], Dice(number), notebook)
    runs = [notebook.steps for notebook in notebooks]
    if len({len(steps) for steps in runs}) != 1 or not runs[0]:
        return []
    signatures = _signatures(runs)
    groups: dict[tuple[tuple[int, int], ...], list[tuple[str, list[int], dict[str, int]]]] = {}
    for steps in runs:
        for signature, step in zip(signatures, steps, strict=True):
            groups.setdefault(signature, []).append(step)
    states = [_state(signature, steps) for signature, steps in groups.items() if signature]
    return [state for state in states if state is not None]


def _signatures(runs: list[Any]) -> list[tuple[tuple[int, int], ...]]:
    """Return for each step the return addresses that all runs have in common.

    The runs differ in how the function is called: what lies above it on the stack is not common.
    """
    shortest = min(len(words) for steps in runs for _, words, _ in steps)
    common = [
        index
        for index in range(shortest)
        if all(
            len({steps[number][1][index] for steps in runs}) == 1
            and executable(runs[0][number][1][index])
            for number in range(len(runs[0]))
        )
    ]
    return [tuple((8 * index, words[index]) for index in common) for _, words, _ in runs[0]]


def _state(signature: tuple[tuple[int, int], ...], steps: list[Any]) -> State | None:
    if len({phase for phase, _, _ in steps}) != 1:
        return None
    shortest = min(len(words) for _, words, _ in steps)
    places = {}
    for name in steps[0][2]:
        if len({expected[name] for _, _, expected in steps}) < _FEWEST_VALUES:
            return None
        places[name] = tuple(
            8 * index
            for index in range(shortest)
            if all(words[index] == expected[name] for _, words, expected in steps)
        )
        if not places[name]:
            return None
    return State(steps[0][0], signature, places)


def _by_expanding(function: Any, *positional: Any, **keywords: Any) -> Any:
    _soil()
    return function(*positional, **keywords)


def _by_operator(function: Any, *positional: Any, **keywords: Any) -> Any:
    _soil()
    return operator.call(function, *positional, **keywords)


def _specialised(function: Any, *positional: Any, **keywords: Any) -> Any:
    """Call ``function`` by an instruction that the interpreter has fitted to it."""
    form: Any = _forms[bool(keywords), len(positional)]
    few = [[0], 0][: len(positional)]
    for _ in range(_ENOUGH_TO_FIT):
        form(function, *few, *([abs] if keywords else ()))
    _soil()
    return form(function, *positional, *keywords.values())


_forms: dict[tuple[bool, int], Any] = {
    (False, 1): lambda function, one: function(one),
    (False, 2): lambda function, one, start: function(one, start),
    (True, 1): lambda function, one, key: function(one, key=key),
}
_WAYS = (_by_expanding, _by_operator, _specialised)
_ENOUGH_TO_FIT = 80


def _soil() -> None:
    """Leave other words on the stack than the last time.

    A word that nothing has written since may be an old return address: it must not be taken for
    one that belongs to the call.
    """
    turn = next(_turns)
    for depth in range(1, 40):
        _SOILS[(turn + depth) % len(_SOILS)](40 - depth)


def _nested(depth: int, made: Any = ()) -> Any:
    for _ in range(depth):
        made = (made,)
    return made


_turns = itertools.count()
_SOILS: tuple[Any, ...] = (
    lambda depth: repr(_nested(depth)),
    lambda depth: hash(_nested(depth)),
    lambda depth: compile(repr(_nested(depth)), "measured", "eval"),
    lambda depth: _nested(depth) < _nested(depth, (1,)),
    lambda depth: sorted(range(depth), key=lambda number: f"{-number:>{depth}}"),
    lambda depth: [*map(_nested, map(abs, range(-depth, 0)))],
)
