"""SIGKILL at random instants: a fresh reader finds every acknowledged version whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from dartslurm.store.layout import is_pack
from dartslurm.store.repository import Repository

WRITER = """
import os, sys
import random
from dartslurm.model.parts import StagedChunk, StagedLeaf, StagedVersion
from dartslurm.store.chunks import digest, plan_chunks
from dartslurm.store.repository import Repository

root, run_id, attempt = sys.argv[1], sys.argv[2], int(sys.argv[3])
run = Repository.open(root).run(run_id)
writer = run.open_writer(attempt=attempt)
acks = os.open(root + "/acks", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(acks, b"\\n")

def chunk(data):
    name = digest(data)
    return StagedChunk(name, len(data), None if writer.known(name) else data)

while True:
    seed = random.randrange(1 << 30)
    body = random.Random(seed).randbytes(1_000_000 if seed % 3 else 1000)
    grid, spans = plan_chunks((len(body),), 1)
    leaf = StagedLeaf("x", "|u1", (len(body),), grid, "C", [chunk(body[a:a + n]) for a, n in spans])
    text = b"%d" % seed
    staged = StagedVersion({"attempt": attempt}, {"state": [chunk(text)]}, [leaf], len(body), 0)
    number = writer.publish(staged).number
    os.write(acks, b"%d %d\\n" % (number, seed))
"""


@pytest.mark.parametrize("kills", [30])
def test_every_acknowledged_version_outlives_sigkill(root, repository, run, kills):
    dice = random.Random(11)
    checked = set()
    acked = {}
    for attempt in range(1, kills + 1):
        command = [sys.executable, "-c", WRITER, root, run.record.run_id, str(attempt)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": _source()})
        wait_for_line(f"{root}/acks", attempt, process)
        time.sleep(dice.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        process.wait()
        with open(f"{root}/acks", "rb") as source:
            rows = [line.split() for line in source.read().splitlines()]
        acked = {int(row[0]): int(row[1]) for row in rows if len(row) == 2}
        fresh = Repository.open(root).run(run.record.run_id)
        visible = {version.number for version in fresh.versions()}
        assert set(acked) <= visible
        assert fresh.damaged() == {}
        for number in sorted(visible - checked):
            with fresh.reader(number) as reader:
                seed = int(reader.stream("state"))
                assert acked.get(number, seed) == seed
                size = 1_000_000 if seed % 3 else 1000
                assert reader.leaf(0) == random.Random(seed).randbytes(size)
        checked |= visible
        assert fresh.holder()["alive"] is False
    assert len(acked) > kills
    sweep_left_only_what_one_dead_writer_can(fresh)


def sweep_left_only_what_one_dead_writer_can(run):
    used = set()
    for version in run.versions():
        with run.reader(version.number) as reader:
            used |= {c for c in reader.manifest.containers if is_pack(str(c))}
    orphans = set(os.listdir(f"{run.path}/packs")) - used
    assert used <= set(os.listdir(f"{run.path}/packs"))
    assert len(orphans) <= 2


def wait_for_line(path, lines, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None
        if os.path.exists(path):
            with open(path, "rb") as source:
                if source.read().split(b"\n").count(b"") > lines:
                    return
        time.sleep(0.005)
    raise TimeoutError("the writer did not start")


def _source():
    import dartslurm

    return os.path.dirname(os.path.dirname(dartslurm.__file__))
