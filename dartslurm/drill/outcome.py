"""What a program leaves behind, and how two runs of it are compared.

Takes a finished run's folder; gives an `Outcome` (exit code, both streams, the files that the
program made or changed) and the list of differences between two of them. Comparison is by bytes;
the only thing left out is the capture's own lines on standard error, which begin with ``dart``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_LINES = 12
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of a program, whole. A file is ``None`` when the program has removed it."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes | None] = field(default_factory=dict)


def read_outcome(exit_code: int, folder: Path, given: tuple[tuple[Path, str], ...] = ()) -> Outcome:
    """Read what stands in ``folder``: ``stdout``, ``stderr`` and the working directory ``cwd``.

    ``given`` are the folders that were copied there before the run: what is unchanged since is
    left out.
    """
    before: dict[str, tuple[int, int]] = {}
    for origin, name in given:
        before.update(_stamps(origin, f"{name}/"))
    after = {name: _stamps(folder / name, f"{name}/") for name in {"cwd", *(n for _, n in given)}}
    now = {path: stamp for stamps in after.values() for path, stamp in stamps.items()}
    files: dict[str, bytes | None] = {path: None for path in before if path not in now}
    for path, stamp in now.items():
        if before.get(path) != stamp:
            files[path] = (folder / path).read_bytes()
    return Outcome(
        exit_code,
        (folder / "stdout").read_bytes(),
        program_lines((folder / "stderr").read_bytes()),
        {path.removeprefix("cwd/"): content for path, content in files.items()},
    )


def _stamps(folder: Path, prefix: str) -> dict[str, tuple[int, int]]:
    """Return size and time of every file below ``folder``."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            about = path.stat()
            found[prefix + str(path.relative_to(folder))] = about.st_size, about.st_mtime_ns
    return found


def program_lines(stderr: bytes) -> bytes:
    """Return standard error without the capture's own lines."""
    lines = stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if not _own(line))


def _own(line: bytes) -> bool:
    return line.startswith((b"dart:", b"dart-run:", b"dart-resume:"))


def differences(expected: Outcome, got: Outcome) -> list[str]:
    """Return one readable entry for each thing that differs; empty when the runs are equal."""
    found = []
    if expected.exit_code != got.exit_code:
        found.append(f"exit code: expected {expected.exit_code}, got {got.exit_code}")
    found += _compare("stdout", expected.stdout, got.stdout)
    found += _compare("stderr", expected.stderr, got.stderr)
    for name in sorted(expected.files.keys() | got.files.keys()):
        if name not in got.files:
            found.append(f"file {name}: missing")
        elif name not in expected.files:
            found.append(f"file {name}: not written by the plain run")
        else:
            found += _compare(f"file {name}", expected.files[name], got.files[name])
    return found


def _compare(what: str, expected: bytes | None, got: bytes | None) -> list[str]:
    if expected == got:
        return []
    if expected is None or got is None:
        return [f"{what}: removed by the {'plain' if expected is None else 'resumed'} run only"]
    before = expected.decode("utf-8", "replace").splitlines()
    after = got.decode("utf-8", "replace").splitlines()
    lines = list(difflib.unified_diff(before, after, "plain", "resumed", lineterm="", n=1))
    shown = "\n    ".join(line[:_SHOWN_CHARACTERS] for line in lines[:SHOWN_LINES])
    return [f"{what}: {len(expected)} bytes plain, {len(got)} bytes resumed\n    {shown}"]


def first_difference(expected: Outcome, got: Outcome) -> str:
    """Return the first line that differs, of the first thing that differs."""
    pairs: list[tuple[str, bytes | None, bytes | None]] = [
        ("stdout", expected.stdout, got.stdout),
        ("stderr", expected.stderr, got.stderr),
    ]
    names = sorted(expected.files.keys() | got.files.keys())
    pairs += [(f"file {name}", expected.files.get(name), got.files.get(name)) for name in names]
    for what, before, after in pairs:
        if before != after:
            return f"{what}, {_first_line(before or b'', after or b'')}"
    return ""


def _first_line(before: bytes, after: bytes) -> str:
    expected = [*before.decode("utf-8", "replace").splitlines(), None]
    got = [*after.decode("utf-8", "replace").splitlines(), None]
    for number, (one, other) in enumerate(zip(expected, got, strict=False), 1):
        if one != other:
            return f"line {number}: {_shown(one)} expected, {_shown(other)} found"
    return "the ends of its lines"


def _shown(line: str | None) -> str:
    return "its end" if line is None else repr(line[:_SHOWN_CHARACTERS])
