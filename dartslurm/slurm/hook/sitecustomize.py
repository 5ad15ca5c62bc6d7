"""Start-up hook: gives a Python in a job of ours to the runtime, and steps aside everywhere else.

Takes nothing; the interpreter imports it because this folder is first on ``PYTHONPATH``. Keeps: it
never raises, prints at most one line, imports the environment's own ``sitecustomize`` that it
stands in front of, and leaves no trace on ``sys.path``. It must be readable by any Python,
supported or not, and imports nothing of the package.

The program is handed over by executing the same interpreter again with its own options and
``dart_start.py`` in front: the process keeps its number, so Slurm's signals still reach it.
"""

import os
import sys

_TOOLS = (
    "pip pip3 conda mamba micromamba poetry pdm uv virtualenv pipx ensurepip venv "
    "site sysconfig compileall py_compile zipfile tarfile json.tool http.server "
    "dart-run dart-resume dart-log dart-sbatch dart-status dartslurm dart_start.py"
).split()


def _wants_runtime():
    """Tell whether this process is the main program of a step, and nobody has it yet."""
    environ = os.environ
    if environ.get("DART_DISABLE") == "1" or not environ.get("DART_JOB_DIR"):
        return False
    if environ.get("DART_SLURM_JOB_ID") != environ.get("SLURM_JOB_ID"):
        return False  # another job, submitted from one of ours with its environment
    return not environ.get("DART_ACTIVE")


def _split(words):
    """Split a Python command line into interpreter options and program.

    Gives ``(options, program)``; ``program`` is empty for an interactive or informative call.
    """
    options = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "-" or not word.startswith("-"):
            return options, [word] + rest
        if word.startswith("--"):
            options.append(word)
            if word == "--check-hash-based-pycs" and rest:
                options.append(rest.pop(0))
            elif word != "--check-hash-based-pycs":
                return options, []
            continue
        taken = _take_letters(word, rest, options)
        if taken is not None:
            return options, taken
    return options, []


def _take_letters(word, rest, options):
    """Read one group of short options; give the program if it is named there."""
    for place, letter in enumerate(word[1:], 1):
        value = word[place + 1 :]
        if letter in "hViV?x":
            return []
        if letter in "cm":
            if place > 1:
                options.append(word[:place])
            return ["-" + letter] + ([value] if value else []) + rest
        if letter in "WX":
            options.append(word)
            if not value and rest:
                options.append(rest.pop(0))
            return None
    options.append(word)
    return None


def _is_tool(program):
    """Tell whether this is a tool that must never be captured (an installer, our own commands)."""
    if program[0] == "-m":
        name = program[1].split(".")[0] if len(program) > 1 else ""
        return name in _TOOLS or ".".join(program[1:2]) in _TOOLS
    if program[0] == "-c":
        return False
    return os.path.basename(program[0]) in _TOOLS


def _leaving():
    """Tell whether the job is just being left, so that nothing may begin any more."""
    try:
        with open(os.environ.get("DART_CONTROL", "")) as control:
            return control.read().strip() == "stop"
    except (IOError, OSError):
        return False


def _say(line):
    try:
        sys.stderr.write("dart: " + line + "\n")
        sys.stderr.flush()
    except Exception:
        pass


def _unfit():
    """Say why this interpreter cannot be captured; nothing if it can."""
    name = sys.implementation.name if hasattr(sys, "implementation") else "python"
    if name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return "needs CPython 3.11 to 3.13, this is %s %d.%d" % ((name,) + sys.version_info[:2])
    if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
        return "a free-threaded interpreter is not supported"
    return ""


def _take_over(here):
    """Hand the program over to the runtime; returns only if it is to run as it is."""
    words = getattr(sys, "orig_argv", None)
    if words is None:
        words = [sys.executable, "?"]
    options, program = _split(words[1:])
    if not program or program[0] == "-" or _is_tool(program):
        return
    if _leaving():
        sys.stdout.flush()
        os._exit(85)
    reason = _unfit()
    if reason:
        _say("%s: NOT CAPTURED: %s" % (sys.executable, reason))
        os.environ["DART_ACTIVE"] = str(os.getpid())
        return
    os.environ["DART_ACTIVE"] = str(os.getpid())
    start = os.path.join(here, "dart_start.py")
    import signal  # not at the top: every child of a captured program reads this file

    notices = {signal.SIGUSR1, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, notices)  # they wait until somebody can answer them
    try:
        os.execv(sys.executable, [sys.executable] + options + [start] + program)
    except OSError as cause:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, notices)
        _say("%s: NOT CAPTURED: %s" % (sys.executable, cause))


def _chain(here):
    """Import the ``sitecustomize`` of the environment, which this file hides."""
    sys.path[:] = [each for each in sys.path if os.path.abspath(each or ".") != here]
    sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError:
        pass
    finally:
        sys.modules.setdefault("sitecustomize", _myself)


_myself = sys.modules.get(__name__)


def _main():
    here = os.path.dirname(os.path.abspath(__file__))
    if _wants_runtime():
        _take_over(here)
    _chain(here)


_main()
