"""Start a run, or let one go on: what ``dart-run`` and ``dart-resume --here`` do.

Both end as the program ends: they return when it does, and raise what it raises.
"""

from __future__ import annotations

import os
import sys
from time import time
from types import ModuleType
from typing import Any

from dartslurm.errors import MismatchError, NotFoundError
from dartslurm.interpreter.layouts import PYTHON_VERSION
from dartslurm.launch import job_output
from dartslurm.launch.interpreter_start import ensure_hash_seed
from dartslurm.launch.program import Program, check_script, parse_program, prepare, replace_main
from dartslurm.launch.session import Session
from dartslurm.launch.sources import changed_sources
from dartslurm.model.place import store_path
from dartslurm.model.settings import Settings
from dartslurm.model.version import RunRecord
from dartslurm.resume import resume
from dartslurm.slurm import steps
from dartslurm.state.outside import files as outside_files
from dartslurm.state.outside import outputs
from dartslurm.store.repository import Repository, Run, new_run_id


def settings_from(environment: dict[str, str], options: dict[str, str]) -> Settings:
    """Join options (by name, as ``--dart-interval``) and ``DART_*`` variables; options win.

    Raises:
        UsageError: if a number is none.
    """
    from dartslurm.launch.options import percent, seconds, size, size_and_count

    def said(name: str) -> str | None:
        return options.get(f"--dart-{name}") or environment.get(f"DART_{name.upper()}") or None

    job = environment.get("DART_JOB_DIR") or None
    deadline = environment.get("DART_DEADLINE")
    return Settings(
        store=store_path(options.get("--dart-store"), environment),
        interval_seconds=seconds(said("interval") or "auto"),
        overhead_percent=percent(said("overhead") or "1"),
        deadline_utc=float(deadline) if deadline else None,
        lead_seconds=float(environment.get("DART_LEAD") or 60),
        job_folder=job,
        control_path=environment.get("DART_CONTROL") or None,
        attempt=int(environment.get("DART_ATTEMPT") or 1),
        job_outputs=job_output.job_outputs(environment),
        quota=size_and_count(said("quota")),
        memory_bytes=size(said("memory")),
    )


def start_program(words: list[str], settings: Settings, seed: str) -> int | None:
    """Run a program under capture, in a job perhaps the one that an earlier attempt began.

    Returns:
        The recorded exit code of a finished step that is not run again, else ``None`` after the
        program has ended.

    Raises:
        UsageError: if the program cannot be one.
        StoreError: if the store cannot be used.
    """
    program = parse_program(words)
    if program.kind == "script":
        check_script(program.target)
    repository = Repository.open(settings.store, create=True)
    if settings.job_folder is None:
        _start(program, repository, settings, seed, None)
        return None
    claim = steps.claim_step(settings.job_folder, program.describe(), program.argv, os.getcwd())
    if claim.finished_exit_code is not None:
        if claim.run_id is not None:
            run = repository.run(claim.run_id)
            outputs.put_back(_outputs(run))
            job_output.cut_when_all_has_finished(settings, _tails(run))
        return claim.finished_exit_code
    if claim.run_id is not None:
        run = repository.run(claim.run_id)
        if run.newest() is not None:
            if run.record.hash_seed != seed:
                ensure_hash_seed(run.record.hash_seed)
            at = claim.at if run.versions()[-1].number <= claim.at_newest else None
            continue_run(run, settings, at=at, key=claim.key)
            return None
        begin_again(run, settings, key=claim.key)
        return None
    _start(program, repository, settings, seed, claim.key)
    return None


def _start(
    program: Program, repository: Repository, settings: Settings, seed: str, key: str | None
) -> None:
    run = repository.create_run(_record(program, settings, seed))
    session = Session(run, settings)
    _join_job(session, settings, key)
    start = prepare(program)
    session.go(start)


def _join_job(session: Session, settings: Settings, key: str | None) -> None:
    os.environ["DART_ACTIVE"] = str(os.getpid())
    if settings.job_folder is None or key is None:
        return
    folder = settings.job_folder
    steps.record_step(folder, key, session.run.record.run_id)
    steps.register_process(folder, key, os.getpid())

    def lengths() -> dict[str, int]:
        return job_output.lengths_of(settings.job_outputs)

    session.on_finish(lambda code: steps.finish_step(folder, key, code, lengths()))


def _record(program: Program, settings: Settings, seed: str) -> RunRecord:
    return RunRecord(
        run_id=new_run_id(),
        created_utc=time(),
        argv=program.argv,
        cwd=os.getcwd(),
        python=sys.executable,
        python_version=PYTHON_VERSION,
        launch={
            **program.describe(),
            "hash_seed": seed,
            "streams": outside_files.collect(),
        },
        job=_job_facts(settings),
    )


def _job_facts(settings: Settings) -> dict[str, Any]:
    names = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME")
    facts: dict[str, Any] = {name.lower(): os.environ[name] for name in names if name in os.environ}
    if settings.job_folder is not None:
        facts["folder"] = settings.job_folder
    return facts


def continue_run(
    run: Run,
    settings: Settings,
    *,
    at: int | None = None,
    allow_drift: bool = False,
    key: str | None = None,
) -> None:
    """Let the run go on from its newest whole version, or from version ``at``.

    Raises:
        NoVersionError: if there is no such version.
        ConflictError: if the run is alive elsewhere.
        MismatchError: if the interpreter or a source file has changed.
        CorruptError: if version ``at`` is damaged.
    """
    run.check_not_alive()
    reader = run.reader(at, ahead=True)
    meta = reader.meta
    for number, reason in sorted(reader.skipped.items()):
        sys.stderr.write(
            f"dart: version {number} is damaged ({reason}); "
            f"version {reader.version.number} serves\n"
        )
    if not allow_drift:
        _check_sources(reader.version.number, meta.get("sources", {}))
    attempt = max(settings.attempt, reader.version.attempt + 1)
    settings = Settings(**{**_as_dict(settings), "attempt": attempt})
    replace_main(ModuleType("__main__"))
    session = Session(run, settings, parent=reader.version.number)
    _join_job(session, settings, key)
    notes = _restore_outputs(run, meta["files"], settings)
    start, session.begin_others, more = resume(reader, session.undo_log, _tails(run))
    outputs.to_end()
    session.journal.write(
        "resumed", number=reader.version.number, attempt=attempt, notes=notes + more
    )
    del reader, meta
    session.go(start)


def _tails(run: Run) -> str:
    return os.path.join(run.path, "tails")


def _outputs(run: Run) -> str:
    return os.path.join(run.path, "outputs")


def _restore_outputs(run: Run, found: dict[str, Any], settings: Settings) -> list[str]:
    """Bring standard output to where it was, and leave only other files in ``found``."""
    lengths: dict[str, int] = found.setdefault("lengths", {})
    notes = []
    if settings.job_outputs:
        repository, run_id = Repository.open(settings.store), run.record.run_id
        notes = job_output.cut_once(lengths, run_id, settings, repository, _tails(run))
    return notes + outputs.put_back(_outputs(run), lengths)


def _roll_back(session: Session) -> None:
    """Undo what a killed attempt without a version wrote: the program starts from nothing."""
    streams = session.run.record.launch.get("streams", {})
    notes = _restore_outputs(session.run, streams, session.settings)
    notes += outside_files.restore({**streams, "mark": 0}, session.undo_log, _tails(session.run))
    outputs.to_end()
    session.journal.write("rolled-back", notes=notes)


def _as_dict(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in Settings.__slots__}


def _check_sources(number: int, recorded: dict[str, str]) -> None:
    changed = changed_sources(recorded)
    if changed:
        raise MismatchError(
            f"{changed[0]} has changed since version {number}",
            kind="source-changed",
            remedy="undo the change, or go on with the old code by --allow-drift",
        )


def begin_again(run: Run, settings: Settings, *, key: str | None = None) -> None:
    """Start a run that was killed before its first version once more, from the beginning."""
    run.check_not_alive()
    program = parse_program(list(run.record.argv))
    session = Session(run, settings)
    _roll_back(session)  # its folder is there again
    try:
        os.chdir(run.record.cwd)
    except OSError as cause:
        raise NotFoundError(
            f"the folder {run.record.cwd}, in which the run began, cannot be entered",
            remedy="make it again, with what the program reads there",
        ) from cause
    _join_job(session, settings, key)
    session.journal.write("begun-again")
    session.go(prepare(program))
