"""Make the catalogue importable by its tests, and give each test its program's plain run."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fast_bench import FastBench

from dartslurm.drill.trials import run_plain


def pytest_collection_modifyitems(items):
    missing = importlib.util.find_spec("torch") is None
    skip = pytest.mark.skip(reason="PyTorch is not installed here")
    for item in items:
        if missing and item.get_closest_marker("torch"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """Return a function that gives ``(outcome, seconds)`` of a program, run once a session."""
    known = {}

    def run(subject):
        if subject.name not in known:
            folder = tmp_path_factory.mktemp("plain")
            known[subject.name] = run_plain(subject, folder)
        return known[subject.name]

    return run


@pytest.fixture(scope="session")
def fast_bench():
    """Return the kind of bench that forks its programs."""
    FastBench.servers = {}
    yield FastBench
    for server in FastBench.servers.values():
        server.close()


@pytest.fixture(scope="session")
def seed():
    """Return the seed of all random instants: ``DART_PARITY_SEED``, else a fixed one."""
    return os.environ.get("DART_PARITY_SEED", "2026")
