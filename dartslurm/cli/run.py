"""``dart-run``: run a program under capture on this machine.

Usage: dart-run [options] SCRIPT [ARGS]
       dart-run [options] -m MODULE [ARGS]
       dart-run [options] -c CODE [ARGS]

The program runs as under python; its output and its exit code are its own. From time to time its
state is committed to the store. SIGUSR1 commits a last state and ends with 85, SIGTERM with 143;
after either, or after a crash, dart-resume --here goes on.

  --dart-store=DIR        where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --dart-interval=SEC     seconds between versions, or auto (default auto)
  --dart-overhead=PCT     with auto, the share of time that capture may take (default 1)
  --dart-memory=SIZE      what copies of the program's memory may take while they are written, such
                          as 512M; what is more is written while the program waits (default
                          $DART_MEMORY, or half of what is free)
  --dart-quota=SIZE       what the run's versions may take, such as 20G or 20G,5000 (bytes, files);
                          older ones are thinned out (default $DART_QUOTA, or no limit)
  --help, --version
"""

from __future__ import annotations

import os
import sys

from dartslurm.cli.command import Command
from dartslurm.errors import DartError, begun
from dartslurm.launch.notice import hold_back

NAME = "dart-run"


def start(options: dict[str, str], words: list[str]) -> int:
    """Run the program ``words`` name, or become it plainly where it cannot be captured.

    Raises:
        DartError: if nothing was run.
    """
    from dartslurm.launch.interpreter_start import ensure_hash_seed, run_plainly

    active = os.environ.get("DART_ACTIVE", "")
    if os.environ.get("DART_DISABLE") == "1" or active not in ("", str(os.getpid())):
        run_plainly(words)
    seed = ensure_hash_seed()  # before more is imported: the process may start anew
    from dartslurm.launch.program import check_script, parse_program
    from dartslurm.launch.support import why_not

    program = parse_program(words)
    if program.kind == "script":
        check_script(program.target)
    reason = why_not()
    if reason:
        print(f"dart: {reason}; the program runs on, NOT CAPTURED", file=sys.stderr, flush=True)
        run_plainly(words)
    from dartslurm.launch.runs import settings_from, start_program

    settings = settings_from(dict(os.environ), options)
    try:
        return start_program(words, settings, seed) or 0
    except DartError:
        raise
    except Exception as error:
        if begun or settings.job_folder is not None:  # an earlier attempt may have done much
            raise
        print(
            f"dart: an internal error ({type(error).__name__}: {error}); "
            "the program runs on, NOT CAPTURED", file=sys.stderr, flush=True,
        )  # fmt: skip
        run_plainly(words)
        return 0  # not reached


COMMAND = Command(
    NAME,
    __doc__ or "",
    dict.fromkeys(("--dart-interval", "--dart-overhead", "--dart-memory", "--dart-quota"), True),
    start,
    leading=True,
)
main = COMMAND.main


def entry() -> None:
    """Console script."""
    hold_back()
    sys.exit(main(sys.argv[1:]))
