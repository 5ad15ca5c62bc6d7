"""The process: working directory, arguments, search path, environment, masks and limits.

The environment travels as its difference to the process's start, without names that look like a
secret and without those that belong to the job (`SLURM_…`) or to us.
"""

from __future__ import annotations

import locale
import os
import re
import sys
from typing import Any

from dartslurm import belongings

_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL", re.IGNORECASE)
_FOREIGN = ("DART_", "SLURM_", "SBATCH_", "PMI")


def _at_start() -> dict[str, str]:
    with open("/proc/self/environ", "rb") as environment:
        pairs = (os.fsdecode(entry).partition("=") for entry in environment.read().split(b"\0"))
        return {name: value for name, _, value in pairs if name}


def _travels(name: str) -> bool:
    return not name.startswith(_FOREIGN) and _SECRET.search(name) is None


def _environment() -> dict[str, Any]:
    now, start = dict(os.environ), _at_start()
    changed = {k: v for k, v in now.items() if start.get(k) != v and _travels(k)}
    return {"set": changed, "removed": [k for k in start if k not in now and _travels(k)]}


def _umask() -> int:
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


def _folder() -> dict[str, Any]:
    try:
        return {"cwd": os.getcwd()}
    except FileNotFoundError:
        return {"cwd": os.readlink("/proc/self/cwd").removesuffix(" (deleted)"), "gone": True}


def collect() -> dict[str, Any]:
    """Return the process's surroundings as plain JSON."""
    return {
        **_folder(),
        "umask": _umask(),
        "argv": list(sys.argv),
        "path": list(sys.path),
        "environment": _environment(),
        "recursion_limit": sys.getrecursionlimit(),
        "switch_interval": sys.getswitchinterval(),
        "max_digits": sys.get_int_max_str_digits(),
        "locale": locale.setlocale(locale.LC_ALL),
    }


def restore(found: dict[str, Any]) -> None:
    """Give a new process the same surroundings; a folder that is gone is left to the program."""
    environment = found["environment"]
    os.environ.update(environment["set"])
    for name in environment["removed"]:
        os.environ.pop(name, None)
    os.umask(found["umask"])
    try:
        if found.get("gone"):
            belongings.stand_in_removed_folder(found["cwd"])
        else:
            os.chdir(found["cwd"])
    except OSError:
        pass
    sys.argv[:] = found["argv"]
    sys.path[:] = found["path"]
    sys.setrecursionlimit(max(found["recursion_limit"], sys.getrecursionlimit()))
    sys.setswitchinterval(found["switch_interval"])
    sys.set_int_max_str_digits(found["max_digits"])
    try:
        locale.setlocale(locale.LC_ALL, found["locale"])
    except locale.Error:
        pass
