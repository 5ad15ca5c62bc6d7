"""Links of the documents lead somewhere, and what they show of the program is true."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest
from sources import ROOT, sources, tracked_files

PAGES = [path for path in tracked_files() if path.suffix == ".md"]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def anchors(text):
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_between_pages_lead_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), f"{target} leads nowhere"
        if anchor and page.suffix == ".md":
            assert anchor in anchors(page.read_text()), f"{target} names no heading"


def test_the_readme_shows_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


def test_every_own_option_and_variable_is_in_the_cli_page():
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    used = set()
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used |= set(re.findall(r"^(--dart-[a-z-]+[a-z]|DART_[A-Z_]+[A-Z])=?$", node.value))
    assert not sorted(name for name in used if name not in page)


COMMANDS = "run resume log inspect drill sbatch status export verify prune copy".split()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_cli_page_shows_the_help_text_of_each_command(command):
    name = f"dart-{command}"
    code = f"import sys; sys.argv[0] = '{name}'; from dartslurm.cli.{command} import main"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit(main(['--help']))"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    [shown] = re.findall(rf"^## {name}\n\n```text\n(.*?)```$", page, re.MULTILINE | re.DOTALL)
    assert shown.strip() == done.stdout.strip()


def test_decisions_have_one_number_each_and_stand_in_the_list():
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    records = [path.name for path in PAGES if re.match(r"\d{4}-", path.name)]
    assert len({name[:4] for name in records}) == len(records)
    assert not [name for name in records if f"]({name})" not in listed]


def test_docstrings_point_at_pages_that_exist():
    missing = [
        f"{source.name}: {name}"
        for source in sources()
        for name in re.findall(r"docs/[\w/.-]+\.md", source.text)
        if not (ROOT / name).exists()
    ]
    assert not missing
