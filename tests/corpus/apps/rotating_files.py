"""Files that are read again, renamed, removed and made anew: a small job queue with checkpoints."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

SINCE = time.monotonic()


def count_run(path="counter.txt"):
    """Read, add one, write: wrong as soon as one write is repeated."""
    number = int(Path(path).read_text()) if os.path.exists(path) else 0
    with open(path, "w") as file:
        file.write(str(number + 1))
    return number + 1


def checkpoint(state, keep=3):
    for number in range(keep - 1, 0, -1):
        if os.path.exists(f"ckpt.{number}"):
            os.replace(f"ckpt.{number}", f"ckpt.{number + 1}")
    with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
        json.dump(state, file)
    os.chmod(file.name, 0o644)
    os.rename(file.name, "ckpt.1")


class Table:
    """Records of 16 bytes in a file that stays open for reading and writing."""

    def __init__(self, path):
        self.file = open(path, "w+b")  # noqa: SIM115

    def add(self, key, amount):
        self.file.seek(16 * key)
        old = self.file.read(16)
        value = int(old or b"0") + amount
        self.file.seek(16 * key)
        self.file.write(b"%016d" % value)
        self.file.flush()
        return value


def work(jobs):
    table, total = Table("table.bin"), 0
    for number in range(jobs):
        shutil.rmtree("scratch", ignore_errors=True)
        os.makedirs("scratch/parts")
        for part in range(4):
            Path(f"scratch/parts/{part}").write_text(str(number * part))
        source = f"queue/{number:03}.json"
        job = json.loads(Path(source).read_text())
        os.remove(source)
        total += sum(int(p.read_text()) for p in sorted(Path("scratch/parts").iterdir()))
        with open("done.log", "a") as log:
            log.write(f"{job['name']} {count_run()} {table.add(number % 7, number)} {total}\n")
        if number % 5 == 4:
            shutil.move("scratch", f"result-{number:03}")
            os.truncate("done.log", 0)
        checkpoint({"number": number, "total": total})
        time.sleep(0.004)
    return total


os.mkdir("queue")
for number in range(150):
    Path(f"queue/{number:03}.json").write_text(json.dumps({"name": f"job {number}"}))
print("total", work(150), flush=True)
print(count_run("counter.txt"), sorted(os.listdir(".")), os.listdir("queue"))
print(Path("ckpt.1").read_text(), Path("ckpt.3").read_text(), time.monotonic() > SINCE)
