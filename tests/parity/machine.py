"""The drill over programs of the corpus, as a command for developers.

    python tests/parity/machine.py classic/queens.py --mode usr1 --trials 3 --seed 7

The mechanism is `dartslurm.drill`, which users have as ``dart-drill``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from catalogue import Program, program, programs

from dartslurm.drill.outcome import differences
from dartslurm.drill.trials import Trial, every_point, run_killed, run_plain, run_signalled


def run_trials(subject: Program, mode: str, trials: int, stops: int, seed: str) -> list[Trial]:
    """Run the trials of one program in a temporary folder; return those that differ."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = run_plain(subject, folder / "plain")
        if mode == "plain":
            again = run_plain(subject, folder / "again")[0]
            trial = Trial(subject.name, mode, "", [], differences(plain[0], again))
            print(f"{subject.name}: {plain[1]:.2f} s plain", flush=True)
            return [trial] if trial.problems else []
        if mode == "every":
            every = every_point(subject, plain[0], folder / "run")
            return [trial for trial in every if trial.problems]
        run = run_signalled if mode == "usr1" else run_killed
        done = [
            run(subject, plain, folder / "run", seed=f"{seed}.{number}", stops=stops)
            for number in range(trials)
        ]
        return [trial for trial in done if trial.problems]


def main() -> int:
    """Run what the command line asks for; the exit code says whether all were equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="*", help="family/name.py, a family, or a path")
    parser.add_argument("--mode", choices=("plain", "usr1", "kill", "every"), default="usr1")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--stops", type=int, default=2)
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args()
    bad = 0
    for subject in _subjects(chosen.programs):
        failed = run_trials(subject, chosen.mode, chosen.trials, chosen.stops, chosen.seed)
        bad += bool(failed)
        print(f"{'DIFFERS' if failed else 'equal':8}{subject.name}", flush=True)
        for trial in failed:
            print(trial, flush=True)
    return 1 if bad else 0


def _subjects(names: list[str]) -> list[Program]:
    every = programs()
    families = {one.family for one in every}
    chosen = [one for one in every if one.family in names or not names]
    return chosen + [program(name) for name in names if name not in families]


if __name__ == "__main__":
    sys.exit(main())
