"""What the script's environment must hold so that every Python it starts finds our runtime.

Takes a submission and its seat; gives the variables. Keeps: the user's own variables stay, ours
begin with ``DART_`` but for ``PYTHONPATH``, which our start-up folder is put in front of.

Why a ``sitecustomize`` on ``PYTHONPATH``: it reaches scripts, modules, virtual environments by
path or activated, ``exec python``, ``srun python`` and scripts with a first line of their own. A
``python`` of ours on ``PATH`` misses virtual environments and absolute paths; shell functions by
``BASH_ENV`` miss srun and every script run by its own first line. It is not read by ``python -I``,
``-E`` and ``-S``, nor when the script replaces ``PYTHONPATH``; a ``.pth`` file in the environment
itself serves there (``docs/how-to/my-slurm-job.md``).
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dartslurm.slurm.environment import Clock
    from dartslurm.slurm.jobs import Attempt, Seat, Submission

HOOK = Path(__file__).resolve().parent / "hook"
DEPENDENCIES = ("xxhash", "cloudpickle", "dill", "numcodecs", "psutil")
"""What the runtime itself imports; given to a Python that lacks it, and nothing else is."""


def package_root() -> str:
    """The folder that holds this installation's package."""
    return str(HOOK.parent.parent.parent)


def site_folders() -> list[str]:
    """Where this installation's dependencies lie."""
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]


def own_outputs() -> dict[str, str]:
    """The files that the batch script prints to, by the name of sbatch's option for them."""
    found = {}
    for descriptor, name in ((1, "output"), (2, "error")):
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                found[name] = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
    return found


def script_environ(
    environ: Mapping[str, str],
    *,
    submission: Submission,
    seat: Seat,
    attempt: Attempt,
    clock: Clock,
    store: str,
) -> dict[str, str]:
    """The environment of the user's script."""
    given = {name: value for name, value in environ.items() if name != "DART_ACTIVE"}
    for name, value in submission.settings.items():
        given["DART_" + name.upper().replace("-", "_")] = value
    given |= {
        "DART_STORE": store,
        "DART_SLURM_JOB_ID": environ.get("SLURM_JOB_ID", ""),
        "DART_JOB_DIR": seat.path,
        "DART_CONTROL": seat.control,
        "DART_JOB_OUTPUT": "\n".join(sorted(set(own_outputs().values()))),
        "DART_ATTEMPT": str(attempt.number),
        "DART_LEAD": f"{clock.lead_seconds:.0f}",
        "DART_HOOK": str(HOOK),
        "DART_HOME": package_root(),
        "DART_SITE": os.pathsep.join(site_folders()),
        "DART_SITE_VERSION": sysconfig.get_python_version(),
    }
    given.pop("DART_DEADLINE", None)
    if clock.end_utc is not None and submission.requeue_allowed:
        given["DART_DEADLINE"] = f"{clock.end_utc:.0f}"
    before = given.get("PYTHONPATH")
    given["PYTHONPATH"] = f"{HOOK}{os.pathsep}{before}" if before else str(HOOK)
    return given
