"""How Python itself would start a script, a module or a piece of code.

Takes what the user wrote after the interpreter's name; gives a function that runs the program in
a fresh ``__main__`` with the same ``sys.argv``, ``sys.path`` and namespace that plain Python gives
it. `enter` is the frame below the program: everything above it is the program's own.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import partial
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from dartslurm.errors import UsageError, begun
from dartslurm.interpreter.hidden import alone
from dartslurm.stack.threads import sit
from dartslurm.state.shadows import uncover

if TYPE_CHECKING:
    from collections.abc import Callable

_replaced: list[ModuleType] = []


@dataclass(frozen=True, slots=True)
class Program:
    """What is run.

    ``kind`` is ``script``, ``module`` or ``code``; ``target`` its path, name or text.
    """

    kind: str
    target: str
    arguments: tuple[str, ...]

    @property
    def argv(self) -> list[str]:
        """Return the words that stand after ``python`` on the command line."""
        option = {"script": [], "module": ["-m"], "code": ["-c"]}[self.kind]
        return [*option, self.target, *self.arguments]

    def describe(self) -> dict[str, Any]:
        """Return what a run's record keeps of it."""
        path = os.path.abspath(self.target) if self.kind == "script" else self.target
        return {"kind": self.kind, "target": path}


def parse_program(words: list[str]) -> Program:
    """Read ``SCRIPT [ARGS]``, ``-m MODULE [ARGS]`` or ``-c CODE [ARGS]``.

    Raises:
        UsageError: if there is nothing to run.
    """
    for option, kind in (("-m", "module"), ("-c", "code")):
        if words and words[0] == option:
            if len(words) == 1:
                raise UsageError(f"{option} needs an argument", remedy="see dart-run --help")
            return Program(kind, words[1], tuple(words[2:]))
        if words and words[0].startswith(option) and not words[0].startswith("--"):
            return Program(kind, words[0][2:], tuple(words[1:]))
    if not words or words[0].startswith("-"):
        what = f"unknown option {words[0]}" if words else "no program given"
        raise UsageError(what, remedy="write dart-run [options] SCRIPT [ARGS]")
    return Program("script", words[0], tuple(words[1:]))


def check_script(path: str) -> None:
    """Refuse early, with one line, what is no Python program.

    Raises:
        UsageError: if there is no such file, or it is binary or another language's script.
    """
    if os.path.isdir(path):
        if not os.path.isfile(os.path.join(path, "__main__.py")):
            raise UsageError(
                f"{path} is a folder without __main__.py", kind="not-python",
                remedy="name a Python script",
            )  # fmt: skip
        return
    try:
        with open(path, "rb") as script:
            head = script.read(4096)
    except OSError as cause:
        raise UsageError(
            f"cannot read the script {path}: {cause.strerror}",
            kind="no-script",
            remedy="check the path",
        ) from cause
    first = head.split(b"\n", 1)[0]
    foreign = first.startswith(b"#!") and b"py" not in first
    if b"\0" in head or foreign or not _is_text(head):
        raise UsageError(
            f"{path} is not a Python script", kind="not-python", remedy="name a Python script"
        )


def _is_text(head: bytes) -> bool:
    return head[:4] not in (b"\x7fELF", b"PK\x03\x04") and b"\0" not in head


def prepare(program: Program) -> Callable[[], Any]:
    """Make a fresh ``__main__`` for ``program`` and return the function that runs it."""
    main = ModuleType("__main__")
    main.__dict__.update(
        {"__builtins__": sys.modules["builtins"], "__annotations__": {}, "__package__": None}
    )
    replace_main(main)
    sys.argv[:] = list(_argv(program))
    _set_first_path(program)
    if not sys.flags.safe_path:
        uncover(sys.path[0])
    if program.kind == "module":
        import runpy

        return partial(runpy._run_module_as_main, program.target)  # type: ignore[attr-defined]
    if program.kind == "code":
        main.__loader__ = _builtin_importer()
        return partial(_run_code, program.target, main.__dict__)
    path = os.path.abspath(program.target)
    if os.path.isdir(path):
        import runpy

        return partial(runpy._run_module_as_main, "__main__", alter_argv=False)  # type: ignore[attr-defined]
    from importlib.machinery import SourceFileLoader

    main.__dict__.update(
        {"__file__": path, "__cached__": None, "__loader__": SourceFileLoader("__main__", path)}
    )
    with open(path, "rb") as script:
        return partial(_run_script, path, script.read(), main.__dict__)


def replace_main(main: ModuleType) -> None:
    """Put ``main`` in the place of the ``__main__`` that started us, under all its names.

    The old one's namespace outlives the program: we still run in it.
    """
    old = sys.modules["__main__"]
    _replaced.append(old)
    for name in [name for name, module in list(sys.modules.items()) if module is old]:
        sys.modules[name] = main  # multiprocessing knows it as __mp_main__ too


def _argv(program: Program) -> list[str]:
    first = {"script": program.target, "module": "-m", "code": "-c"}[program.kind]
    return [first, *program.arguments]


def _set_first_path(program: Program) -> None:
    if sys.flags.safe_path:
        return
    if program.kind == "script":
        path = os.path.abspath(program.target)
        first = path if os.path.isdir(path) else os.path.dirname(os.path.realpath(path))
    else:
        first = os.getcwd() if program.kind == "module" else ""
    sys.path[0:1] = [first]


def _builtin_importer() -> Any:
    from importlib.machinery import BuiltinImporter

    return BuiltinImporter


def _run_code(text: str, namespace: dict[str, Any]) -> None:
    alone(partial(exec, compile(text, "<string>", "exec"), namespace))


def _run_script(path: str, source: bytes, namespace: dict[str, Any]) -> None:
    alone(partial(exec, compile(source, path, "exec"), namespace))


_BELOW = {_run_code.__code__, _run_script.__code__, alone.__code__, sit.__code__}


def enter(start: Callable[[], Any]) -> None:
    """Run the program, or let it go on: the frame below all frames of the program."""
    begun.append(True)
    if isinstance(start, partial) and start.func in (_run_code, _run_script):
        start()
    else:
        alone(start)


def is_base(frame: FrameType) -> bool:
    """Tell whether ``frame`` is ours, below the program."""
    return frame.f_code is enter.__code__ or frame.f_code in _BELOW
