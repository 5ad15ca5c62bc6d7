"""The generated batch script: the user's own header, our supervisor, and the script itself.

Takes the text of the user's script; gives the text that sbatch gets instead. Keeps: the user's
first line (where it names a plain shell), every comment line of the header in its order, and the
script to the byte; what we ask for stands *before* the user's lines, so Slurm's own rule (later
wins, SBATCH_ variables win over the script, the command line wins over all) lets the user win.

The template is ``batch.sh`` in ``sbatch_templates/`` of a checkout, or in this package's
``templates/`` when installed.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dartslurm.errors import InternalError, UsageError
from dartslurm.slurm.options import sort_words

_PLAIN_SHELLS = ("sh", "bash", "dash", "ksh", "zsh")
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class UserScript:
    """A batch script as the user wrote it.

    ``header`` is what sbatch reads: the comment lines before the first command, without the first
    line. ``asked`` holds the sbatch options found there, ``dart`` the options of ours.
    """

    text: str
    shebang: str
    header: list[str]
    asked: dict[str, str]
    dart: list[str]

    @property
    def interpreter(self) -> list[str]:
        """The command of the first line, split as the kernel does: at most one argument."""
        return self.shebang[2:].strip().split(None, 1)


def read_script(text: str) -> UserScript | None:
    """Read a batch script; ``None`` if sbatch would not take it for one."""
    if not text.startswith("#!") or "\r\n" in text or "\0" in text:
        return None
    if len(text.encode(errors="surrogateescape")) > _MOST_BYTES:
        return None
    lines = text.split("\n")
    header: list[str] = []
    for line in lines[1:]:
        if line.strip() and not line.lstrip().startswith("#"):
            break
        header.append(line)
    asked: dict[str, str] = {}
    dart: list[str] = []
    for line in header:
        if line.startswith("#SBATCH"):
            asked.update(sort_words(_options(line)).named)
        elif line.startswith("#DART"):
            dart += _options(line)
    shown = [line for line in header if line.strip()]
    return UserScript(text=text, shebang=lines[0], header=shown, asked=asked, dart=dart)


def _options(line: str) -> list[str]:
    try:
        return shlex.split(line.partition(" ")[2], comments=True)
    except ValueError as cause:
        raise UsageError(
            f"cannot read the line {line!r}: {cause}", remedy="close the quote"
        ) from cause


def wrapped(command: str) -> str:
    """The script that ``sbatch --wrap`` makes of a command.

    Source:
        ``src/sbatch/sbatch.c``, ``_script_wrap``.
    """
    return f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{command}\n\n"


def wrapper_shebang(shebang: str) -> str:
    """The first line of the generated script.

    The user's own where it names a plain shell. With options (``-l``, ``-e``, ``-x``) or another
    interpreter the wrapper is ``/bin/sh``: the options then act once, in the user's script.
    """
    words = shebang[2:].split()
    if words and words[0].endswith("/env"):
        words = words[1:]
    plain = len(words) == 1 and words[0].rpartition("/")[2] in _PLAIN_SHELLS
    return shebang if plain else "#!/bin/sh"


def template(name: str) -> str:
    """Read a template, from the installed package or the checkout around it."""
    here = Path(__file__).resolve().parent
    for folder in (here / "templates", here.parent.parent / "sbatch_templates"):
        path = folder / name
        if path.is_file():
            return path.read_text()
    raise InternalError(f"the template {name} is missing from {here}/templates")


def render(
    script: UserScript, *, key: str, folder: str, python: str, supervisor: str, asked: list[str]
) -> str:
    """Make the batch script that sbatch gets. ``asked`` are our own options, each one word."""
    values = {
        "SHEBANG": wrapper_shebang(script.shebang),
        "ASKED": "\n".join(f"#SBATCH {option}" for option in asked) or "#",
        "HEADER": "\n".join(script.header) or "#",
        "FOLDER": shlex.quote(folder),
        "PYTHON": shlex.quote(python),
        "SUPERVISOR": shlex.quote(supervisor),
        "KEY": key,
        "INTERPRETER": shlex.join(script.interpreter),
    }
    before, _, _ = template("batch.sh").partition("@SCRIPT@")
    for name, value in values.items():
        before = before.replace(f"@{name}@", value)
    return before + script.text
