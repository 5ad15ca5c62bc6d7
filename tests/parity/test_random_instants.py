"""A program stopped at random instants and resumed elsewhere leaves what a plain run leaves.

By USR1 (the state is committed at the stop) and by KILL (the newest periodic version serves).
A failure prints the command that repeats it.
"""

from __future__ import annotations

import pytest
from catalogue import programs

from dartslurm.drill.trials import run_killed, run_signalled

QUICK = {
    "apps/bank.py", "apps/exit_hooks.py", "apps/failing_job.py", "apps/file_kinds.py",
    "apps/report.py", "apps/small_library.py", "apps/wordcount.py",
    "classic/agents.py", "classic/event_simulation.py", "classic/queens.py",
    "classic/scheduler.py", "classic/sudoku.py", "classic/tiny_vm.py", "code/collatz",
    "language/classes_long.py", "language/generator_pipeline.py", "language/iterators_long.py",
    "language/mixed_types.py", "language/nested_calls.py", "language/try_loops.py",
    "language/with_long.py", "learning/kmeans.py", "packages/ledger", "pools/executor_map.py",
    "learning/joblib_loop.py", "pools/pool_map.py",
    "scientific/heat.py", "scientific/monte_carlo.py", "threads/pool_map.py",
    "threads/queue_workers.py", "torch/loader_workers.py", "torch/training.py",
}  # fmt: skip
"""Those of ``make test``: one of each kind. The rest is marked slow."""


def _cases(quick):
    for one in programs():
        if one.small:
            continue
        marks = [pytest.mark.torch] if one.family == "torch" else []
        if one.name not in quick:
            marks.append(pytest.mark.slow)
        yield pytest.param(one, marks=marks, id=one.name)


def _check(run, subject, plain, folder, *, seed, stops):
    trial = run(subject, plain, folder, seed=seed, stops=stops)
    assert not trial.problems, f"\n{trial}"


@pytest.mark.parametrize("subject", _cases(QUICK))
def test_stopped_twice_by_signal_it_ends_as_a_plain_run(subject, plain_run, tmp_path, seed):
    _check(run_signalled, subject, plain_run(subject), tmp_path, seed=seed, stops=2)


@pytest.mark.parametrize("subject", _cases({name for name in QUICK if name[0] != "c"}))
def test_killed_twice_it_ends_as_a_plain_run(subject, plain_run, tmp_path, seed):
    _check(run_killed, subject, plain_run(subject), tmp_path, seed=seed, stops=2)


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(3))
@pytest.mark.parametrize("run", [run_signalled, run_killed], ids=["usr1", "kill"])
@pytest.mark.parametrize("subject", _cases(set()))
def test_stopped_often_it_ends_as_a_plain_run(subject, run, trial, plain_run, tmp_path, seed):
    _check(run, subject, plain_run(subject), tmp_path, seed=f"{seed}.{trial}", stops=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classic/agents.py", "language/mixed_types.py"])
def test_killed_fifty_times_it_ends_as_a_plain_run(name, plain_run, tmp_path, seed):
    subject = next(one for one in programs() if one.name == name)
    _check(run_killed, subject, plain_run(subject), tmp_path, seed=seed, stops=50)
