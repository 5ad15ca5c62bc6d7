"""Nothing is seen below what `alone` calls, and everything is as before when it has returned."""

import inspect
import subprocess
import sys
import traceback
from functools import partial

import pytest

from dartslurm.interpreter.hidden import active, alone

NAMES: dict = {}


def outermost():
    NAMES["back"], NAMES["stack"] = sys._getframe().f_back, len(inspect.stack())
    NAMES["active"] = bool(active)


def deep(n):
    NAMES["deepest"] = n
    deep(n + 1)


def fall():
    raise LookupError("it falls")


CODE = compile("outermost()", "<program>", "exec")
WAYS = {
    "a function": outermost,
    "a function through C": partial(outermost),
    "code": partial(exec, CODE, {"outermost": outermost}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_program_sees_no_frame_below_its_own(way):
    before = len(inspect.stack())
    alone(WAYS[way])
    assert NAMES["stack"] == 1 + (way == "code") and NAMES["active"] and not active
    assert (NAMES["back"] is None) == (way != "code")
    assert len(inspect.stack()) == before


def test_an_error_passes_and_every_frame_is_back():
    before = len(inspect.stack())
    for _ in range(3):
        with pytest.raises(LookupError) as caught:
            alone(fall)
        names = [one.name for one in traceback.extract_tb(caught.value.__traceback__)]
        assert names[0] == sys._getframe().f_code.co_name and names[-1] == "fall"
    assert len(inspect.stack()) == before


def test_a_program_has_all_levels_of_the_recursion_limit():
    text = (
        "def f(n):\n  global d\n  d = n\n  f(n + 1)\ntry: f(1)\nexcept RecursionError: print(d)\n"
    )
    ours = (
        "from functools import partial; from dartslurm.interpreter.hidden import alone\n"
        f"alone(partial(exec, compile({text!r}, 'x', 'exec'), {{}}))"
    )
    plain, hidden = (
        subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True)
        for one in (text, ours)
    )
    assert hidden.stdout == plain.stdout
