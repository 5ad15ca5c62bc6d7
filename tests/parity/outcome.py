"""What a program leaves behind, and how two runs of it are compared.

Takes a finished run's folder; gives an `Outcome` (exit code, both streams, every file of the
working directory) and the list of differences between two of them. Comparison is by bytes;
the only thing left out is the capture's own lines on standard error, which begin with ``dart``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of a program, whole."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]


def read_outcome(exit_code: int, folder: Path) -> Outcome:
    """Read what stands in ``folder``: ``stdout``, ``stderr`` and the working directory ``cwd``."""
    return Outcome(
        exit_code,
        (folder / "stdout").read_bytes(),
        program_lines((folder / "stderr").read_bytes()),
        _files(folder / "cwd"),
    )


def program_lines(stderr: bytes) -> bytes:
    """Return standard error without the capture's own lines."""
    lines = stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if not _own(line))


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


def _own(line: bytes) -> bool:
    return line.startswith((b"dart:", b"dart-run:", b"dart-resume:"))


def _files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = [path for path in paths if "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def _compare(what: str, expected: bytes, got: bytes) -> list[str]:
    if expected == got:
        return []
    before = expected.decode("utf-8", "replace").splitlines()
    after = got.decode("utf-8", "replace").splitlines()
    lines = list(difflib.unified_diff(before, after, "plain", "resumed", lineterm="", n=1))
    shown = "\n    ".join(line[:200] for line in lines[:SHOWN_LINES])
    return [f"{what}: {len(expected)} bytes plain, {len(got)} bytes resumed\n    {shown}"]
