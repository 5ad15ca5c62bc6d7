"""The page of scenarios names each one, and every test and program that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "scenarios.md").read_text()
CORPUS = ROOT / "tests" / "corpus"
COUNT = 120
ROWS = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
NAMES = sorted(set(re.findall(r"`([a-z_]+/[^`\s]+)`", PAGE)))
REASONS = ("not built yet", "Does not apply", "Not needed")
WAYS_TO_RUN = ("test_every_safe_point.py", "test_random_instants.py")


@cache
def functions_of(path):
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def is_there(name):
    path, _, test = name.partition("::")
    if path.startswith(("tests/", "cluster_tests/")):
        return (ROOT / path).exists() and (not test or test in functions_of(ROOT / path))
    program = CORPUS / path
    return program.is_file() or (program / "__main__.py").is_file()


def test_each_scenario_stands_there_once():
    assert [int(number) for number, _, _ in ROWS] == [*range(1, COUNT + 1)]


@pytest.mark.parametrize(("number", "words", "kept"), ROWS, ids=[row[0] for row in ROWS])
def test_each_scenario_has_a_test_or_a_reason(number, words, kept):
    named = [name for name in re.findall(r"`([^`]+)`", kept) if name in NAMES]
    assert words
    assert named or any(reason in kept for reason in REASONS), kept


@pytest.mark.parametrize("name", NAMES)
def test_each_test_and_program_that_it_names_is_there(name):
    assert is_there(name), name


def test_a_missing_name_would_be_noticed():
    assert not is_there("small/no_such_program.py")
    assert not is_there("tests/no_such_test.py::test_x")
    assert not is_there("tests/parity/test_every_safe_point.py::test_that_is_not_there")


def test_the_programs_are_run_by_the_tests_that_the_page_names():
    for name in WAYS_TO_RUN:
        path = f"tests/parity/{name}"
        assert f"`{path}`" in PAGE
        assert any(test.startswith("test_stopped") for test in functions_of(ROOT / path))
