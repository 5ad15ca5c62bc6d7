"""A cluster for the session, and a desk for each test."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lab"))

from cluster import Cluster, missing_programs
from desk import Desk

pytestmark = pytest.mark.cluster


@pytest.hookimpl(tryfirst=True)  # before the workers read the marks
def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.cluster)
            long = "time_limit" in item.path.name  # two clusters at once, where there are workers
            item.add_marker(pytest.mark.xdist_group("time-limit" if long else "cluster"))


@pytest.fixture(scope="session")
def cluster():
    """Three nodes on this machine; skipped, with the reason, where Slurm is not installed."""
    lacking = missing_programs()
    if lacking:
        pytest.skip(f"Slurm is not installed here ({', '.join(lacking)} missing): install-slurm.sh")
    place = os.environ.get("DART_LAB_DIR")
    root = Path(tempfile.mkdtemp(prefix="dart-lab-", dir=place or "/var/tmp"))
    lab = Cluster(root)
    lab.start()
    yield lab
    lab.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def desk(cluster, request):
    """An empty folder that every node sees."""
    path = cluster.root / "desks" / request.node.name.replace("/", "_")[:60]
    path.mkdir(parents=True)
    return Desk(cluster, path)
