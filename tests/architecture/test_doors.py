"""The interpreter, the disk and the scheduler have one door each, and only commands print or exit.

Each rule names what it looks for and the files where that belongs. A home that is not the door
itself stands there with its reason.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from sources import Source, sources

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITING_OS = {
    *("chmod", "chown", "fchmod", "fdatasync", "fsync", "ftruncate", "lchown", "link", "makedirs"),
    *("mkdir", "mkfifo", "pwrite", "pwritev", "remove", "removedirs", "rename", "renames"),
    *("replace", "rmdir", "sendfile", "symlink", "sync", "truncate", "unlink", "utime", "write"),
    *("writev",),
}
WRITING_METHODS = {
    *("hardlink_to", "mkdir", "rmdir", "symlink_to", "touch", "unlink", "write_bytes"),
    "write_text",
}
READING_SHUTIL = {"which", "disk_usage", "get_terminal_size"}
PROCESS_MODULES = {"subprocess", "multiprocessing", "pty", "concurrent.futures.process"}
PROCESS_OS = {"fork", "forkpty", "popen", "posix_spawn", "posix_spawnp", "system"}

DRILL = "works on copies in a temporary folder, beside the program and never in it"
OWN_PROGRAM = "a program of its own, started by the job's shell or by Python's start-up"

WRITE_HOMES = {
    "dartslurm/disk.py": "the door",
    "dartslurm/cli/drill.py": DRILL,
    "dartslurm/drill/": DRILL,
    "dartslurm/belongings.py": "the door to files of the user's program, which are not ours",
    "dartslurm/slurm/hook/": OWN_PROGRAM,
    "dartslurm/state/kinds/files.py": "reopens the files of the user's program as it had them",
}
PROCESS_HOMES = {
    "dartslurm/slurm/client.py": "the door",
    "dartslurm/drill/": DRILL,
    "dartslurm/slurm/supervisor.py": "starts the user's script",
    "dartslurm/state/kinds/pools.py": "starts the workers of the program's own pools again",
    "dartslurm/state/kinds/loading.py": "starts the workers of the program's own loaders again",
    "dartslurm/state/kinds/worker_pools.py": "starts the workers of the program's own pools again",
}
VERSION_HOMES = {
    "dartslurm/interpreter/": "the door",
    "dartslurm/slurm/hook/": OWN_PROGRAM + ", before the package can be imported",
}
EXIT_HOMES = {
    "dartslurm/cli/": "commands",
    "dartslurm/launch": "ends the user's program with its own exit code, 85 or 143",
    "dartslurm/__main__.py": "the command as a module",
    "dartslurm/slurm/hook/": OWN_PROGRAM,
    "dartslurm/slurm/supervisor.py": OWN_PROGRAM,
}


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for a chain of attributes of a name, else what of it can be told."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every imported module and every name imported from one, as ``module.name``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def attributes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, dotted(node)


def calls(tree: ast.Module) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func), node


def opens_for_writing(name: str, call: ast.Call) -> bool:
    """Tell whether a call of ``open`` may write; a mode that is no constant may."""
    if name.rpartition(".")[2] not in ("open", "fdopen") or name == "os.open":
        return False
    method_of_path = "." in name and name not in ("io.open", "os.fdopen", "builtins.open")
    position = 0 if method_of_path else 1
    modes = [word.value for word in call.keywords if word.arg == "mode"]
    modes += call.args[position : position + 1]
    if not modes:
        return False
    mode = modes[0]
    if not isinstance(mode, ast.Constant):
        return not method_of_path
    return isinstance(mode.value, str) and bool(re.fullmatch(r"[rwaxbt+]*[wax+][bt+]*", mode.value))


def writes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name, call in calls(tree):
        head, _, last = name.rpartition(".")
        if opens_for_writing(name, call):
            yield line, f"{name}(…) for writing"
        if head == "shutil" and last not in READING_SHUTIL:
            yield line, name
        if head and head not in ("os", "disk") and last in WRITING_METHODS:
            yield line, name
    for line, name in [*imported(tree), *attributes(tree)]:
        head, _, last = name.rpartition(".")
        if (head in ("os", "posix") and last in WRITING_OS) or name == "tempfile":
            yield line, name


def starts_processes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in imported(tree):
        if name in PROCESS_MODULES:
            yield line, name
    for line, name in [*imported(tree), *attributes(tree)]:
        head, _, last = name.rpartition(".")
        if head in ("os", "posix") and (last in PROCESS_OS or last.startswith("spawn")):
            yield line, name


def asks_the_version(tree: ast.Module) -> Iterator[tuple[int, str]]:
    asked = {"sys.version_info", "sys.hexversion", "platform.python_version", "sys.version"}
    for line, name in [*imported(tree), *attributes(tree)]:
        if name in asked:
            yield line, name


def prints_or_exits(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name, _ in calls(tree):
        if name in ("print", "exit", "quit", "sys.exit", "os._exit", "os.abort"):
            yield line, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if dotted(raised) == "SystemExit":
                yield node.lineno, "raise SystemExit"


def strangers(rule, homes: dict[str, str]) -> list[str]:
    """Return every place outside its homes where the rule finds something."""
    return [
        f"{source.name}:{line}: {what}"
        for source in sources()
        if not source.name.startswith(tuple(homes))
        for line, what in rule(source.tree)
    ]


def test_only_the_doors_write_sync_link_rename_or_remove():
    assert not strangers(writes, WRITE_HOMES)


def test_only_the_slurm_client_starts_processes():
    assert not strangers(starts_processes, PROCESS_HOMES)


def test_only_the_interpreter_door_asks_for_pythons_version():
    assert not strangers(asks_the_version, VERSION_HOMES)


def test_only_commands_print_or_exit():
    assert not strangers(prints_or_exits, EXIT_HOMES)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (writes, "open(path, 'w')"),
        (writes, "open(path, mode='ab')"),
        (writes, "open(path, mode)"),
        (writes, "path.open('x')"),
        (writes, "Path(p).write_text('')"),
        (writes, "Path(p).unlink()"),
        (writes, "import os\nos.replace(a, b)"),
        (writes, "from os import fsync as f"),
        (writes, "import shutil\nshutil.rmtree(p)"),
        (writes, "import tempfile"),
        (starts_processes, "import subprocess"),
        (starts_processes, "from subprocess import run"),
        (starts_processes, "import os\nos.fork()"),
        (asks_the_version, "import sys\nif sys.version_info > (3, 12): pass"),
        (prints_or_exits, "print(1)"),
        (prints_or_exits, "raise SystemExit(2)"),
        (prints_or_exits, "import sys\nsys.exit()"),
    ],
)
def test_each_rule_finds_what_it_forbids(rule, code):
    assert list(rule(Source("example.py", code).tree))


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (writes, "open(path)"),
        (writes, "open(path, 'rb')"),
        (writes, "path.open()"),
        (writes, "disk.unlink(path)"),
        (writes, "text.replace('a', 'b')"),
        (writes, "import shutil\nshutil.which('sbatch')"),
        (starts_processes, "import os\nos.getpid()"),
        (prints_or_exits, "console.print(1)"),
    ],
)
def test_no_rule_forbids_reading(rule, code):
    assert not list(rule(Source("example.py", code).tree))
