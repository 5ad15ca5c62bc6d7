"""First file of a captured program: finds the runtime and hands the program to it.

Takes the program as the user wrote it (script, ``-m`` module or ``-c`` code, with arguments);
gives its exit code. Keeps: the package and what it depends on come from the installation that
submitted the job, by a finder that answers for exactly those names; where that cannot work the
program runs as it is, after one line that says so.
"""

import importlib.machinery
import os
import signal
import sys


class _Lender:
    """Finds the runtime's own packages in the installation that submitted the job."""

    def __init__(self, names, paths):
        self.names = frozenset(names)
        self.paths = paths

    def find_spec(self, fullname, path=None, target=None):
        """Answer for the names we lend; everything else is not our business."""
        if path is None and fullname in self.names:
            return importlib.machinery.PathFinder.find_spec(fullname, self.paths)
        return None


def _lend():
    """Put the finders in place: the package first, its dependencies only where they lack."""
    home = os.environ.get("DART_HOME", "")
    sys.meta_path.insert(0, _Lender(["dartslurm"], [home]))
    version = "%d.%d" % sys.version_info[:2]
    if version == os.environ.get("DART_SITE_VERSION"):
        paths = os.environ.get("DART_SITE", "").split(os.pathsep)
        names = ["xxhash", "cloudpickle", "dill", "numcodecs", "psutil"]
        sys.meta_path.append(_Lender(names, paths))


def _say_plain(cause):
    line = "dart: %s: NOT CAPTURED: %s; the program runs as it is\n" % (sys.executable, cause)
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except Exception:
        pass


def _run_plain(program):
    """Start the program again without us: same process, same interpreter, same options."""
    options = []
    for word in sys.orig_argv[1:]:
        if os.path.basename(word) == os.path.basename(__file__):
            break
        options.append(word)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1, signal.SIGTERM})
    os.execv(sys.executable, [sys.executable] + options + program)


def _main(program):
    _lend()
    try:
        from dartslurm.cli import run
        from dartslurm.errors import DartError, StoreError, UntrustedError, UsageError
        from dartslurm.launch import runs  # noqa: F401  (what it needs may be missing here)
        from dartslurm.slurm import steps
        from dartslurm.state.outside import outputs
    except Exception as cause:
        _say_plain("%s: %s" % (type(cause).__name__, cause))
        _run_plain(program)
    try:
        code = run.start({}, program)
    except UsageError:  # no such script, not a script: Python's own words serve better
        _run_plain(program)
    except (StoreError, UntrustedError) as cause:
        if steps.attempt_number() > 1:  # not from the beginning: it has been half way already
            _refuse(cause, cause.exit_code)
        _say_plain(cause)
        _run_plain(program)
    except DartError as cause:
        _refuse(cause, cause.exit_code)
    except Exception as cause:
        if _has_begun(steps):
            raise  # the program's own
        if steps.attempt_number() > 1:
            _refuse("%s: %s" % (type(cause).__name__, cause), 70)
        _say_plain("%s: %s" % (type(cause).__name__, cause))
        _run_plain(program)
    if not _has_begun(steps) and not outputs.error_is_a_file():
        words = " ".join(program)
        line = "dart: %s: finished in an earlier attempt (exit code %d), not run again\n"
        sys.stderr.write(line % (words if len(words) < 80 else words[:77] + "...", code))
    sys.exit(code)


def _has_begun(steps):
    """Tell whether the program itself has been started under capture."""
    return steps.is_registered(os.environ["DART_JOB_DIR"], os.getpid())


def _refuse(cause, code):
    sys.stderr.write("dart: %s\n" % cause)
    sys.exit(code)


if __name__ == "__main__":
    _main(sys.argv[1:])
