"""Whatever is done to a run in whatever order, it agrees with a model of a dictionary."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dartslurm.errors import ConflictError
from dartslurm.store.repository import Repository

SPEC = importlib.util.spec_from_file_location(
    "store_fixtures", Path(__file__).parent / "conftest.py"
)
FIXTURES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FIXTURES)

ARRAYS = [
    np.arange(3, dtype="i2"),
    np.zeros((0, 2)),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.random.default_rng(0).integers(0, 255, 300_000, dtype="u1"),
    np.random.default_rng(1).standard_normal((200, 250)),
    np.repeat(np.arange(9), 40_000),
]
states = st.tuples(
    st.binary(max_size=40),
    st.lists(st.tuples(st.integers(0, len(ARRAYS) - 1), st.integers(0, 2)), max_size=4),
)


class StoreMachine(RuleBasedStateMachine):
    """The model: number → (parent, epoch, content); the writers by epoch; the finish mark."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.root = f"{self.folder}/store"
        self.run = Repository.open(self.root, create=True).create_run(FIXTURES.make_record())
        self.versions = {}
        self.writers = []
        self.parents = {}
        self.exit_code = None

    def teardown(self):
        shutil.rmtree(self.folder)

    def newest(self):
        return max(self.versions, key=lambda n: (self.versions[n][1], n), default=None)

    @rule(data=st.data())
    def claim(self, data):
        parent = None
        if self.versions:
            parent = data.draw(st.sampled_from([None, *sorted(self.versions)]))
        writer = self.run.open_writer(attempt=len(self.writers) + 1, parent=parent)
        self.writers.append(writer)
        assert writer.epoch == len(self.writers)
        self.parents[writer.epoch] = parent or self.newest()

    @precondition(lambda self: self.writers)
    @rule(content=states, trust_known=st.booleans())
    def publish(self, content, trust_known):
        writer = self.writers[-1]
        arrays = [ARRAYS[kind] + step for kind, step in content[1]]
        staged = FIXTURES.stage_version(
            {"state": content[0]},
            [(f"f/{i}", array) for i, array in enumerate(arrays)],
            writer if trust_known else None,
        )
        version = writer.publish(staged)
        assert version.number == len(self.versions) + 1
        assert version.parent == self.parents[writer.epoch]
        self.parents[writer.epoch] = version.number
        self.versions[version.number] = (version.parent, writer.epoch, (content[0], arrays))

    @precondition(lambda self: len(self.writers) > 1)
    @rule(data=st.data(), content=st.binary(max_size=9))
    def publish_stale(self, data, content):
        writer = data.draw(st.sampled_from(self.writers[:-1]))
        with pytest.raises(ConflictError):
            writer.publish(FIXTURES.stage_version({"state": content}, [], writer))

    @rule(code=st.integers(0, 255))
    def finish(self, code):
        self.run.finish(code)
        self.exit_code = code

    @rule()
    def lose_the_index(self):
        if os.path.exists(f"{self.run.path}/index"):
            os.remove(f"{self.run.path}/index")

    @rule()
    def start_anew(self):
        self.run = Repository.open(self.root).run(self.run.record.run_id)

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def read(self, data):
        number = data.draw(st.sampled_from(sorted(self.versions)))
        text, arrays = self.versions[number][2]
        with self.run.reader(number) as reader:
            assert reader.stream("state") == text
            for index, array in enumerate(arrays):
                order = "F" if array.ndim > 1 and array.flags.f_contiguous else "C"
                memory = array.T.tobytes() if order == "F" else array.tobytes()
                assert reader.leaf(index) == memory

    @invariant()
    def lists_agree(self):
        listed = {v.number: (v.parent, v.epoch) for v in self.run.versions()}
        assert listed == {n: about[:2] for n, about in self.versions.items()}
        newest = self.run.newest()
        assert (newest.number if newest else None) == self.newest()
        assert Repository.open(self.root).runs() == [self.run.record.run_id]
        assert self.run.record.exit_code == self.exit_code or self.exit_code is None


TestStoreAgreesWithItsModel = StoreMachine.TestCase
TestStoreAgreesWithItsModel.settings = settings(
    max_examples=200,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
