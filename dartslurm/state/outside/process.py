"""The process: working directory, arguments, search path, masks and limits."""

from __future__ import annotations

import locale
import os
import sys
from typing import Any

from dartslurm import belongings


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
        "recursion_limit": sys.getrecursionlimit(),
        "switch_interval": sys.getswitchinterval(),
        "max_digits": sys.get_int_max_str_digits(),
        "locale": locale.setlocale(locale.LC_ALL),
    }


def restore(found: dict[str, Any]) -> None:
    """Give a new process the same surroundings; a folder that is gone is left to the program."""
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
