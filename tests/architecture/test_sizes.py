"""Small is a number: files of 400 lines, functions of 40 statements; and names say something."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest
from sources import ROOT, Source, sources

LONGEST_FILE_LINES = 400
MOST_STATEMENTS = 40
BANNED_WORDS = {
    *("common", "core", "data", "handler", "handlers", "helper", "helpers", "info", "manager"),
    *("misc", "util", "utils"),
}
CHECKED = [*sources(), *sources("tests"), *sources("cluster_tests"), *sources("benchmarks")]


def words_of(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


@pytest.mark.parametrize("folder", ["dartslurm", "tests", "cluster_tests", "benchmarks"])
def test_no_file_is_longer_than_400_lines(folder):
    long = [f"{s.name}: {s.lines}" for s in sources(folder) if s.lines > LONGEST_FILE_LINES]
    assert not long


def statements(function):
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def test_no_function_has_more_than_40_statements():
    long = [
        f"{source.name}:{node.lineno}: {node.name} has {statements(node)}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and statements(node) > MOST_STATEMENTS
    ]
    assert not long


def test_ruff_holds_the_same_limits():
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert lint["pylint"]["max-statements"] == MOST_STATEMENTS
    assert lint["mccabe"]["max-complexity"] == 10
    assert {"C90", "PLR0915", "D", "ANN", "T20"} <= set(lint["select"])


def test_no_module_is_named_after_nothing():
    named = [s.name for s in sources() if BANNED_WORDS & set(s.module.split(".")[-1].split("_"))]
    assert not named


def test_no_class_is_named_after_nothing():
    named = [
        f"{source.name}:{node.lineno}: {node.name}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and BANNED_WORDS & words_of(node.name)
    ]
    assert not named


def test_every_module_says_what_it_is():
    silent = [source.name for source in sources() if not ast.get_docstring(source.tree)]
    assert not silent


def test_nothing_is_left_for_later():
    """No marks of unfinished work; the words are put together here so that this file has none."""
    words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]
    marks = re.compile("|".join(words))
    left = [
        f"{source.name}:{number}: {line.strip()}"
        for source in CHECKED
        for number, line in enumerate(source.text.splitlines(), start=1)
        if marks.search(line) and not allowed_mark(source, line)
    ]
    assert not left


def allowed_mark(source: Source, line: str) -> bool:
    """Programs of the corpus may raise what ordinary programs raise; a handler may catch it."""
    return source.name.startswith("tests/corpus/") or "except" in line
