"""``dart-sbatch``: submit an unmodified job script so that it outlives its time limit.

Takes sbatch's own command line; gives sbatch's own output and exit code. Keeps: standard output
holds nothing but what sbatch printed; our few lines go to standard error.
"""

from __future__ import annotations

import os
import sys

from dartslurm._version import __version__
from dartslurm.errors import DartError
from dartslurm.model.place import store_path
from dartslurm.slurm import client, submit
from dartslurm.slurm.options import Words, sort_words
from dartslurm.store.repository import Repository

HELP = """\
usage: dart-sbatch [sbatch options] [--dart-OPTION…] script [args…]
       dart-sbatch [sbatch options] [--dart-OPTION…] --wrap=COMMAND

Submits a job script as sbatch does. Its Python programs are saved from time to time; before the
time limit the job saves, goes back into the queue and continues where it was, on another node
where one is free. Every option of sbatch(1) means what it means there.

  --dart-store=DIR            where states are kept ($DART_STORE, $SCRATCH/dart, ./.dart)
  --dart-interval=SEC|auto    how often to save (auto)
  --dart-overhead=PCT         the most that saving may cost when the interval is auto (1)
  --dart-memory=SIZE          what copies of a program's memory may take while they are written,
                              such as 512M (half of what is free)
  --dart-quota=SIZE[,FILES]   what a run's versions may take, such as 20G (no limit)
  --dart-lead=SEC|auto        how long before the end the last save begins (auto: 120, or a third
                              of a short time limit)
  --dart-max-attempts=N       how often the job may start, all in all (20)
  --dart-max-noprogress=N     stop after so many attempts that saved nothing new (2)
  --dart-rerun-finished       run steps of the script again although they have finished
  --dart-print-script         print the generated batch script and submit nothing
  --dart-explain              say what would be asked of Slurm, and why, and submit nothing

The same options may stand in the script in lines that begin with #DART. DART_DISABLE=1 makes
this plain sbatch. Exit codes: those of sbatch; 2 usage, 7 store, 9 owner or mode, 10 no sbatch.
"""


def main(argv: list[str]) -> int:
    """Submit a job."""
    try:
        words = sort_words(argv)
        if "help" in words.named:
            sys.stdout.write(HELP)
            return 0
        if "version" in words.named:
            sys.stderr.write(f"dart-sbatch {__version__}\n")
        if os.environ.get("DART_DISABLE") == "1" or {"usage", "version"} & words.named.keys():
            return _plainly(words, None)
        return _submit(words)
    except DartError as error:
        sys.stderr.write(f"dart-sbatch: {error}\n")
        return error.exit_code


def _submit(words: Words) -> int:
    name, text = submit.load_script(words)
    client.command("sbatch")
    plan = None if text is None else submit.make_plan(words, name, text, os.environ, os.getcwd())
    if plan is None:
        from_stdin = words.script is None and "wrap" not in words.named
        stdin = text.encode(errors="surrogateescape") if from_stdin and text is not None else None
        return _plainly(words, stdin)
    store = os.path.realpath(store_path(words.dart.get("store"), os.environ))
    if "print-script" in words.dart:
        sys.stdout.write(submit.batch_script(plan, store))
        return 0
    if "explain" in words.dart:
        _explain(plan, store)
        return 0
    Repository.open(store, create=True)
    for note in plan.notes:
        sys.stderr.write(f"dart: {note}\n")
    code, job_id = submit.carry_out(plan, store)
    if job_id and "test-only" not in words.named:
        sys.stderr.write(f"dart: job {job_id}, store {store}\n")
    return code


def _plainly(words: Words, stdin: bytes | None) -> int:
    """Give the command line to sbatch as it is, but for our own options."""
    script = [words.script, *words.script_args] if words.script is not None else []
    if stdin is None and not script and "wrap" not in words.named:
        stdin = None if words.named.keys() & {"usage", "version"} else sys.stdin.buffer.read()
    return client.submit([*words.sbatch, *script], stdin=stdin)[0]


def _explain(plan: submit.Plan, store: str) -> None:
    said = [f"store: {store}", f"asked of Slurm where you said nothing: {' '.join(plan.asked)}"]
    said.append(f"the last save begins {plan.lead_seconds:.0f} s before the end of the job")
    for line in [*said, *plan.notes]:
        sys.stderr.write(f"dart: {line}\n")


def entry() -> None:
    """The console command."""
    sys.exit(main(sys.argv[1:]))
