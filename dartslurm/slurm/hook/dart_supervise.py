"""First file of the supervisor: what a generated batch script turns into.

Takes the job's folder, the batch script and the arguments of the user's script; gives the exit
code of the job. Keeps: if our own code cannot even be imported, the user's script still runs, as
it is, under the same process number.
"""

import os
import sys


def _run_plain(folder, arguments):
    """Become the user's script."""
    script = os.path.join(folder, "script")
    with open(script, errors="replace") as file:
        words = file.readline()[2:].strip().split(None, 1)
    os.execvp(words[0], words + [script] + arguments)


def _main(folder, batch_script, *arguments):
    sys.path.insert(0, os.path.abspath(os.path.join(__file__, "..", "..", "..", "..")))
    try:
        from dartslurm.cli.supervise import main
    except Exception as cause:
        sys.stderr.write("dart: NOT CAPTURED: %s: %s\n" % (type(cause).__name__, cause))
        sys.stderr.flush()
        _run_plain(folder, list(arguments))
    sys.exit(main([folder, batch_script, *arguments]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
