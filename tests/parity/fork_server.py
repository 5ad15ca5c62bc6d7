"""Start captured programs and resumes without importing the package each time.

Reads orders, a line of JSON each: ``words``, ``folder``, ``environment``, ``out``, ``err``. Forks
for each, and answers with two lines: the process id, then the exit code. What is forked has
imported the package and not run a line of any program, as ``dart-run`` and ``dart-resume`` have at
that instant; so it must be executed as a file, and import nothing that they do not. Its hash seed
and its layout are those of all that it forks: who wants others starts another server.
"""

import json
import os
import sys

import dartslurm.launch.runs  # noqa: F401
from dartslurm.cli.resume import entry as resume_entry
from dartslurm.cli.run import entry as run_entry

WAYS = {"run": run_entry, "resume": resume_entry}
order, waiting = None, b""

while True:
    while b"\n" not in waiting:
        got = os.read(0, 1 << 16)
        if not got:
            os._exit(0)
        waiting += got
    line, _, waiting = waiting.partition(b"\n")
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        break
    os.write(1, b"%d\n" % pid)
    os.write(1, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

for fd, path in enumerate((os.devnull, order["out"], order["err"])):
    new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND if fd else os.O_RDONLY)
    os.dup2(new, fd)
    os.close(new)
os.chdir(order["folder"])
os.environ.clear()
os.environ.update(order["environment"])
way, *words = order["words"]
sys.argv[1:] = words
sys.orig_argv[:] = [sys.executable, "-m", "dartslurm", *words]
sys.path[0] = os.path.dirname(os.__file__)
del line, got, waiting, order, pid, fd, path, new, words
WAYS[way]()
