# SPDX-License-Identifier: MIT
"""What is copied aside stays as it was, and copying never takes the memory that the job needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dartslurm.delta import staging
from dartslurm.delta.cuts import Cuts
from dartslurm.delta.stage import Chunking, stage
from dartslurm.delta.staging import Staging
from dartslurm.errors import NotYetError
from dartslurm.model.parts import LeafBuffer, PickledState, StagedVersion
from dartslurm.store.chunks import digest, memory_shape, plan_chunks

STORED: frozenset[bytes] = frozenset()


def staged(room: Staging, live: bytearray, *, in_flight: bool = False) -> StagedVersion:
    room.begin(in_flight=in_flight)
    rules = Chunking(plan_chunks, memory_shape, digest, STORED.__contains__, Cuts(), room)
    leaf = LeafBuffer(memoryview(live), "x", "|u1", (len(live),))
    return stage(PickledState(b"s", [leaf], {}), rules, {})


def staged_patiently(room: Staging, live: bytearray) -> Any:
    """Stage it for one who can come again."""
    rules = Chunking(plan_chunks, memory_shape, digest, STORED.__contains__, Cuts(), room)
    leaf = LeafBuffer(memoryview(live), "x", "|u1", (len(live),))
    room.begin(in_flight=False, patient=True)
    return stage(PickledState(b"s", [leaf], {}), rules, {})


def content(version: StagedVersion) -> bytes:
    chunks = version.leaves[0].chunks
    for chunk in chunks:
        assert chunk.data is not None and digest(chunk.data) == chunk.digest
    return b"".join(bytes(chunk.data or b"") for chunk in chunks)


def memory(seed: int, size: int = 40 << 20) -> bytearray:
    return bytearray(b"".join((seed + i).to_bytes(4, "little") * 256 for i in range(size >> 10)))


def test_a_copy_does_not_change_with_the_program() -> None:
    live = memory(1)
    before = bytes(live)
    version = staged(Staging(), live)
    live[:] = bytes(len(live))
    assert content(version) == before and not version.is_live


def test_memory_of_a_version_that_is_being_written_is_left_alone() -> None:
    room, live = Staging(), memory(1)
    before = bytes(live)
    first = staged(room, live)
    live[:] = memory(10**6)
    second = staged(room, live, in_flight=True)
    assert content(first) == before and content(second) == bytes(live)


def test_memory_is_used_again_when_the_version_is_written() -> None:
    room = Staging()
    staged(room, memory(1))
    blocks = list(map(id, room._blocks))
    staged(room, memory(10**6))
    assert list(map(id, room._blocks)) == blocks


@pytest.mark.parametrize("free", [0, 10 << 20, 70 << 20])
def test_where_memory_is_short_the_version_is_live_and_takes_no_more(
    free: int, monkeypatch: Any
) -> None:
    room, live = Staging(), memory(1, 100 << 20)
    monkeypatch.setattr(staging, "free_bytes", lambda: max(0, free - sum(map(len, room._blocks))))
    version = staged(room, live)
    assert version.is_live and content(version) == bytes(live)
    assert sum(map(len, room._blocks)) <= free


@pytest.mark.parametrize("most", [1, 10 << 20, 70 << 20])
def test_copies_take_no_more_than_the_user_allows(most: int) -> None:
    room, live = Staging(most), memory(1, 100 << 20)
    version = staged(room, live)
    assert version.is_live and content(version) == bytes(live)
    assert sum(map(len, room._blocks)) <= most


def test_the_free_memory_of_this_machine_is_known() -> None:
    free = staging.free_bytes()
    assert free is None or 0 < free < 1 << 50


@pytest.mark.parametrize("size", [9, 9 << 20], ids=["in the version", "in a pack"])
def test_memory_that_changes_while_it_is_written_makes_no_version(
    run: Any, writer: Any, size: int, request: Any
) -> None:
    publishable = request.getfixturevalue("stage")  # the name is taken here
    before = sorted(Path(run.path).rglob("*"))
    version = publishable({}, [("x", np.zeros(size, np.uint8))], writer)
    live = [
        replace(chunk, data=memoryview(bytearray(b"1") * chunk.size_bytes), is_live=True)
        for chunk in version.leaves[0].chunks
    ]
    leaf = replace(version.leaves[0], chunks=live)
    with pytest.raises(NotYetError):
        writer.publish(replace(version, leaves=[leaf], is_live=True))
    assert sorted(Path(run.path).rglob("*")) == before
    assert writer.publish(version).number == 1


def test_a_large_first_version_is_refused_once_until_its_memory_is_ready() -> None:
    room, live = Staging(), memory(1, 100 << 20)
    with pytest.raises(NotYetError) as refused:
        staged_patiently(room, live)
    assert refused.value.still() and refused.value.lifted_by_us
    while room.make_ready():
        assert refused.value.still()
    assert not refused.value.still()
    blocks = list(map(id, room._blocks))
    version = staged_patiently(room, live)
    assert not version.is_live and content(version) == bytes(live)
    assert list(map(id, room._blocks)) == blocks


def test_where_no_memory_can_be_made_ready_the_version_is_taken_all_the_same(
    monkeypatch: Any,
) -> None:
    room, live = Staging(), memory(1, 100 << 20)
    with pytest.raises(NotYetError) as refused:
        staged_patiently(room, live)
    monkeypatch.setattr(staging, "free_bytes", lambda: 0)
    assert not room.make_ready() and not refused.value.still()
    version = staged_patiently(room, live)
    assert version.is_live and content(version) == bytes(live)
