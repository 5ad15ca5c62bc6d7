"""The depth of the value stack follows from the bytecode: proved over whole libraries."""

import dis
import glob
import importlib.util
import os
import sys
import types
from types import SimpleNamespace

import pytest

from dartslurm.interpreter import assembler
from dartslurm.interpreter.depth import facts


def codes_of(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def files_of(package):
    if package == "stdlib":
        folder = os.path.dirname(os.__file__)
        found = glob.glob(folder + "/*.py") + glob.glob(folder + "/*/*.py")
        return [
            f
            for f in found
            if "/test/" not in f and "/lib2to3/" not in f and "site-packages" not in f
        ]
    spec = importlib.util.find_spec(package)
    return glob.glob(os.path.dirname(spec.origin) + "/**/*.py", recursive=True) if spec else []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ["stdlib", "numpy", "sklearn", "zarr"])
def test_every_instruction_has_one_depth_within_the_stack_size(package):
    count = 0
    for file in files_of(package):
        with open(file, encoding="utf-8", errors="replace") as source:
            try:
                code = compile(source.read(), file, "exec")
            except (SyntaxError, ValueError):
                continue
        for one in codes_of(code):
            count += 1
            shapes = facts(one).kinds
            assert max(map(len, shapes.values())) <= one.co_stacksize, one
    if not count:
        pytest.skip(f"{package} is not installed for {sys.version}")
    assert count > 500


def test_the_interpreter_agrees_at_every_line():
    from dartslurm.interpreter.frames import saved_depth

    seen = []

    def watch(frame, event, _):
        if event == "line" and frame.f_code is program.__code__:
            found = facts(frame.f_code)
            shape = found.kinds[found.at(frame.f_lasti).start]
            seen.append((frame.f_lineno, saved_depth(frame), len(shape)))
        return watch

    def program():
        total = 0
        for i in range(2):
            try:
                with open(os.devnull) as file:
                    total += len(file.read()) + 1 // i
            except ZeroDivisionError:
                for j in (1, 2):
                    total += j
            finally:
                total += 1
        return total

    previous = sys.gettrace()
    sys.settrace(watch)
    try:
        program()
    finally:
        sys.settrace(previous)
    assert len(seen) > 10
    assert all(saved in (-1, static) for _, saved, static in seen), seen


@pytest.mark.parametrize("around", [0, 512, 131072])
def test_a_jump_into_the_body_has_an_end_at_every_distance(around):
    """256 units need a prefix, behind which 255 are left, which need none."""
    for target in range(max(0, around - 40), around + 40, 2):
        writer = assembler._Writer()
        plan = SimpleNamespace(target=target, has_inner=False)
        tail, _ = assembler._tail(writer, plan, 0)
        assert tail[-2] == dis.opmap["JUMP_FORWARD"]
        assert set(tail[:-2:2]) <= {dis.opmap["EXTENDED_ARG"]}
        assert int.from_bytes(tail[1::2]) * 2 == target
