"""Every error kind has a section in messages.md, with its class and exit code, and the reverse."""

from __future__ import annotations

import ast
import pickle
import re

import pytest
from sources import ROOT, sources

from dartslurm import errors

PAGE = (ROOT / "docs" / "reference" / "messages.md").read_text()


def tree(cls=errors.DartError):
    return [cls, *(found for child in cls.__subclasses__() for found in tree(child))]


CLASSES = {cls.__name__: cls for cls in tree()}
OURS = {name: cls for name, cls in CLASSES.items() if cls.__module__ == "dartslurm.errors"}


def raised_kinds():
    """Return each kind that the code names, with the classes that carry it."""
    found: dict[str, set[str]] = {}
    for cls in OURS.values():
        if cls is not errors.DartError:
            found.setdefault(cls.default_kind, set()).add(cls.__name__)
    for kind, _ in errors._CAUSES.values():
        found.setdefault(kind, set()).add("StoreError")
    for source in sources():
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            for word in node.keywords:
                if word.arg == "kind" and name in OURS and isinstance(word.value, ast.Constant):
                    found.setdefault(word.value.value, set()).add(name)
    return found


def page_sections():
    """Return the text of each section of the page under its kind."""
    parts = re.split(r"^## `([a-z-]+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def exit_code_words(cls):
    return f"exit code {cls.exit_code}" if cls.exit_code != 1 else "no exit code"


def test_every_kind_has_a_section_and_every_section_a_kind():
    kinds, sections = set(raised_kinds()), set(page_sections())
    assert not kinds - sections, "kinds without a section in docs/reference/messages.md"
    assert not sections - kinds, "sections for kinds that no code has"


@pytest.mark.parametrize("kind", sorted(page_sections()))
def test_a_section_names_the_class_and_its_exit_code(kind):
    section = page_sections()[kind]
    for name in raised_kinds()[kind]:
        assert f"`{name}`, {exit_code_words(OURS[name])}." in section


@pytest.mark.parametrize("kind", sorted(page_sections()))
def test_a_section_says_what_happened_and_what_to_do(kind):
    section = page_sections()[kind]
    assert "**Means:** " in section
    assert "**Do:** " in section


def test_there_are_fewer_than_40_kinds():
    assert len(raised_kinds()) < 40


@pytest.mark.parametrize("cls", OURS.values(), ids=OURS)
def test_errors_cross_processes_whole(cls):
    error = cls("a thing failed", kind="some-kind", remedy="do this")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (again.message, again.kind, again.remedy) == ("a thing failed", "some-kind", "do this")
    assert str(again) == "a thing failed; do this"


def test_every_error_of_ours_lives_in_the_tree():
    outside = [
        f"{source.name}:{node.lineno}: {node.name}"
        for source in sources()
        if source.name != "dartslurm/errors.py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and re.search(r"(Error|Exception)$", node.name)
    ]
    assert not outside


def test_exit_codes_are_one_per_class():
    codes = [cls.exit_code for cls in OURS.values() if cls.exit_code != 1]
    assert len(codes) == len(set(codes))
