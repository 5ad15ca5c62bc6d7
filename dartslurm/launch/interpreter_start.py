"""Start the interpreter anew: with the run's hash seed, or plainly without us.

The order of sets and the hash of strings depend on a seed that Python draws at start. A resumed
program must see the seed of its first attempt, so the runtime draws it, starts the interpreter
again with it (same process id), and takes it out of the environment that the program sees.
"""

from __future__ import annotations

import os
import sys
from random import SystemRandom

from dartslurm.launch.notice import let_through

SEED = "DART_HASH_SEED"


def interpreter_options() -> list[str]:
    """Return the options that stood between the interpreter's name and the program."""
    options: list[str] = []
    words = iter(sys.orig_argv[1:])
    for word in words:
        if not word.startswith("-") or word in ("-m", "-c", "-"):
            break
        options.append(word)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            options.append(next(words, ""))
    return options


def ensure_hash_seed(wanted: str | None = None) -> str:  # noqa: RET503  execve does not return
    """Return the hash seed of this process; start it anew where it is not as ``wanted``.

    Does not return when the process has to start anew.
    """
    ours = os.environ.get(SEED)
    given = os.environ.get("PYTHONHASHSEED")
    if sys.flags.ignore_environment:
        return ""
    if ours is not None and given == ours and wanted in (None, "", ours):
        os.environ.pop(SEED)
        if os.environ.pop("DART_HASH_SEED_GIVEN", "") == "":
            del os.environ["PYTHONHASHSEED"]
        return ours
    keep = wanted or (given if given and given.isdigit() else None)
    if keep is not None and given == keep:
        return keep
    environment = dict(os.environ)
    if given:
        environment["DART_HASH_SEED_GIVEN"] = "1"
    seed = keep or str(SystemRandom().randrange(1, 2**32))
    environment["PYTHONHASHSEED"] = environment[SEED] = seed
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def run_plainly(arguments: list[str]) -> None:
    """Become the plain program: the same interpreter without the runtime."""
    os.environ["DART_DISABLE"] = "1"
    let_through()
    os.execv(sys.executable, [sys.executable, *interpreter_options(), *arguments])
