# SPDX-License-Identifier: MIT
"""What libraries hold is told from what the program has made, also after a failed look."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from dartslurm.state import identity
from dartslurm.state.outside import module_changes


@pytest.fixture
def library(monkeypatch: Any) -> ModuleType:
    module = ModuleType("a_library")
    module.thing = object()
    monkeypatch.setitem(sys.modules, "a_library", module)
    for place in (identity, module_changes):
        monkeypatch.setattr(place, "library_modules", lambda: ["a_library"])
    return module


def failing_once(act: Any) -> Any:
    calls = iter([True])

    def call(*args: Any) -> Any:
        if next(calls, False):
            raise MemoryError
        return act(*args)

    return call


@pytest.mark.parametrize("name", ["library_modules", "is_module", "namespace_of"])
def test_an_object_of_a_library_has_its_name_after_a_failure(
    library: ModuleType, name: str, monkeypatch: Any
) -> None:
    table = identity.LibraryTable()
    monkeypatch.setattr(identity, name, failing_once(getattr(identity, name)))
    with pytest.raises(MemoryError):
        table.refresh()
    table.refresh()
    assert table.name_of(library.thing) == ("a_library", "thing")


@pytest.mark.parametrize("name", ["_differ", "_changes"])
def test_what_the_program_sets_in_a_library_is_noted_after_a_failure(
    library: ModuleType, name: str, monkeypatch: Any
) -> None:
    module_changes._remember()
    library.thing = 1
    monkeypatch.setattr(module_changes, name, failing_once(getattr(module_changes, name)))
    with pytest.raises(MemoryError):
        module_changes._compare()
    module_changes._compare()
    assert module_changes.set_by_program.pop("a_library") == {"thing"}


def test_a_container_that_only_its_library_holds_is_no_seed_however_often_we_remember_it(
    library: ModuleType,
) -> None:
    library.own, library.shared = {"a": 1}, {"b": 2}
    holder = [library.shared]
    module_changes._remember()
    found = {key for key, _ in identity._shared_containers("a_library")}
    assert found == {"a_library:shared"} and holder
    identity.remembered.pop("a_library")
