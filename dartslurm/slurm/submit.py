"""From a ``dart-sbatch`` command line to a submitted job.

Takes the sorted words and the user's script; gives the plan of a submission (`Plan`) and carries
it out. Keeps: what the user said about signals, requeueing and the output's mode is never changed;
a script that sbatch would refuse is given to sbatch as it is, so that the user reads its words.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dartslurm import disk
from dartslurm.errors import UsageError
from dartslurm.slurm import client, injection, jobs
from dartslurm.slurm.environment import lead_seconds, parse_limit
from dartslurm.slurm.options import OURS_IN_JOB, Words, sort_words, without_wrap
from dartslurm.slurm.script import UserScript, read_script, render, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

_MATCHING = {"time": "SBATCH_TIMELIMIT", "signal": "SBATCH_SIGNAL", "open-mode": "SBATCH_OPEN_MODE"}
_SIZES = {"memory": r"\d+[KMGT]?", "quota": r"\d+[KMGT]?(,\d+)?|,\d+"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be submitted. ``notes`` are for the user: what he said and we obey."""

    submission: jobs.Submission
    script: UserScript
    asked: list[str]
    lead_seconds: float
    notes: list[str] = field(default_factory=list)


def load_script(words: Words) -> tuple[str, str | None]:
    """Read the script: ``(default job name, text)``; the text is ``None`` if it cannot be read."""
    if "wrap" in words.named:
        return "wrap", None if words.script else wrapped(words.named["wrap"])
    if words.script is None:
        return "sbatch", sys.stdin.buffer.read().decode(errors="surrogateescape")
    path = words.script
    if not os.path.isfile(path):
        path = shutil.which(path) or path
    try:
        with open(path, "rb") as file:
            return os.path.basename(path), file.read().decode(errors="surrogateescape")
    except OSError:
        return os.path.basename(path), None


def make_plan(
    words: Words, name: str, text: str, environ: Mapping[str, str], cwd: str
) -> Plan | None:
    """Decide what to submit; ``None`` if this is no script that sbatch would take.

    Raises:
        UsageError: for a setting of ours that is none.
    """
    script = read_script(text)
    if script is None:
        return None
    settings = _settings(words, script, environ)
    limit = _said("time", words, environ, script)
    asked_lead = settings.get("lead", "auto")
    lead = lead_seconds(
        parse_limit(limit) if limit else None, None if asked_lead == "auto" else float(asked_lead)
    )
    own_signal = _said("signal", words, environ, script) is not None
    requeue_allowed = _requeue_allowed(words, environ, script)
    submission = jobs.Submission(
        key=f"j-{os.urandom(4).hex()}",
        submitted_utc=time.time(),
        name=name,
        options=without_wrap(words.sbatch),
        script_args=words.script_args,
        cwd=cwd,
        interpreter=script.interpreter,
        settings=settings,
        requeue_allowed=requeue_allowed,
        own_signal=own_signal,
    )
    asked = [] if own_signal else [f"--signal=B:USR1@{lead:.0f}"]
    asked += ["--requeue"] if requeue_allowed else []
    asked += ["--open-mode=append"]
    return Plan(submission, script, asked, lead, _notes(own_signal, requeue_allowed))


def _notes(own_signal: bool, requeue_allowed: bool) -> list[str]:
    notes = []
    if own_signal:
        notes.append("your --signal is kept and goes to your script; dart goes by the clock")
    if not requeue_allowed:
        notes.append(
            "your --no-requeue is kept: the state is saved before the time limit, and dart-resume "
            "goes on from it"
        )
    return notes


def _settings(words: Words, script: UserScript, environ: Mapping[str, str]) -> dict[str, str]:
    """Join our settings: the command line wins over variables, they over the script's lines."""
    found = dict(sort_words(script.dart).dart)
    for name in OURS_IN_JOB:
        value = environ.get("DART_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    found.update(words.dart)
    for name in ("store", "print-script", "explain"):
        found.pop(name, None)
    for name, value in found.items():
        _check(name, value)
    return found


def _check(name: str, value: str) -> None:
    number_of = {"max-attempts": int, "max-noprogress": int, "rerun-finished": int}
    if value == "auto" and name in ("interval", "lead"):
        return
    if name in _SIZES:
        if not re.fullmatch(_SIZES[name], value):
            raise UsageError(f"--dart-{name}={value} is no size", remedy="give one, such as 20G")
        return
    try:
        positive = number_of.get(name, float)(value) > 0
    except ValueError:
        positive = False
    if not positive:
        raise UsageError(
            f"--dart-{name}={value} is no positive number", remedy="give a number, such as 60"
        )


def _said(name: str, words: Words, environ: Mapping[str, str], script: UserScript) -> str | None:
    """What the user said, by sbatch's own precedence."""
    for value in (words.named.get(name), environ.get(_MATCHING[name]), script.asked.get(name)):
        if value is not None:
            return value
    return None


def _requeue_allowed(words: Words, environ: Mapping[str, str], script: UserScript) -> bool:
    for said in (words.named, _environ_says(environ), script.asked):
        spoken = [name for name in said if name in ("requeue", "no-requeue")]
        if spoken:
            return spoken[-1] == "requeue"
    return True


def _environ_says(environ: Mapping[str, str]) -> list[str]:
    pairs = (("SBATCH_REQUEUE", "requeue"), ("SBATCH_NO_REQUEUE", "no-requeue"))
    return [name for variable, name in pairs if variable in environ]


def batch_script(plan: Plan, store: str) -> str:
    """Render the batch script of a plan."""
    return render(
        plan.script,
        key=plan.submission.key,
        folder=os.path.join(store, "jobs", plan.submission.key),
        python=sys.executable,
        supervisor=str(injection.HOOK / "dart_supervise.py"),
        asked=plan.asked,
    )


def carry_out(plan: Plan, store: str) -> tuple[int, str | None]:
    """Submit; give sbatch's exit code and the job's id where sbatch told one.

    Raises:
        StoreError: if the job's folder cannot be made.
        ClusterError: if there is no sbatch.
    """
    client.command("sbatch")
    submission = plan.submission
    text = batch_script(plan, store)
    job = jobs.create(
        store,
        submission,
        script=plan.script.text.encode(errors="surrogateescape"),
        batch=text.encode(errors="surrogateescape"),
    )
    argv = [*submission.options, job.batch_path(submission.name), *submission.script_args]
    code, job_id = client.submit(argv)
    if job_id:
        job.add_job_id(job_id)
    elif code:
        disk.remove(os.path.join(job.path, "submission.json"))
    return code, job_id
