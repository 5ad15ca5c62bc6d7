"""One run is killed and resumed fifty times; its output is that of a plain run."""

import os
import random
import signal
import subprocess
import sys
import time

KILLS = 50
PROGRAM = '''
import csv, random, time

def walk(rng, steps):
    """Yield a random walk; the generator is alive all the time."""
    x = 0
    for step in range(steps):
        x += rng.choice((-1, 1))
        yield step, x

def main():
    rng = random.Random(7)
    seen, table = set(), {}
    for step, x in walk(rng, 1500):
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
        seen.add(x * 1000003)
        table.setdefault(x, []).append(step)
        with open("walk.csv", "a", newline="") as out:
            csv.writer(out).writerow([step, x, random.random(), len(seen)])
        try:
            if step % 7 == 0:
                raise ValueError(step)
        except ValueError as error:
            print("seventh", error, list(seen)[:3], sum(map(len, table.values())))
        finally:
            if step % 50 == 0:
                print("step", step, x, rng.random())
    print(sorted(table.items())[:5], random.random())

random.seed(3)
main()
'''


def wait_for_version(store, process):
    """Wait until the attempt has committed something (or has ended)."""
    begun = set(committed(store))
    while process.poll() is None and set(committed(store)) <= begun:
        time.sleep(0.02)


def committed(store):
    runs = os.path.join(store, "runs")
    if not os.path.isdir(runs):
        return []
    return [
        name
        for run in os.listdir(runs)
        if run.startswith("r-")
        for name in os.listdir(os.path.join(runs, run, "versions"))
    ]


def test_fifty_kills_leave_no_trace(tmp_path, seed):
    script = tmp_path / "walk.py"
    script.write_text(PROGRAM)
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.mkdir()
    ours.mkdir()
    with open(plain / "out", "w") as out:
        subprocess.run([sys.executable, str(script)], cwd=plain, stdout=out, check=True)
    store = str(tmp_path / "store")
    rng = random.Random(seed)
    options = [f"--dart-store={store}", "--dart-interval=0.1"]
    command = ["dart-run", *options, str(script)]
    kills = 0
    while True:
        with open(ours / "out", "a") as out, open(tmp_path / "err", "a") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", f"from dartslurm.cli.{command[0][5:]} import entry; entry()",
                 *command[1:]], cwd=ours, stdout=out, stderr=err,
            )  # fmt: skip
            if kills < KILLS:
                wait_for_version(store, process)
                time.sleep(rng.uniform(0, 0.3))
                process.kill()
        code = process.wait()
        if code != -signal.SIGKILL:
            break
        kills += 1
        command = ["dart-resume", *options, "--here"]
    assert code == 0, (tmp_path / "err").read_text()[-2000:]
    assert kills == KILLS
    assert (ours / "out").read_bytes() == (plain / "out").read_bytes()
    assert (ours / "walk.csv").read_bytes() == (plain / "walk.csv").read_bytes()
    assert (tmp_path / "err").read_text() == ""
