"""What the page of objects says passes, passes here too, for the libraries of this environment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import all_cases
from table import ROOT, run_all

QUICK = ("python", "numpy", "scipy", "pandas", "h5py", "zarr")
"""Libraries of the test environment that are quick; the others are for ``make objects``."""


def said_to_pass():
    page = (ROOT / "docs" / "reference" / "objects.md").read_text()
    rows = re.findall(r"^\| (.+) \| (\S+) \| (?:passes|named as lost) \|$", page, re.MULTILINE)
    return set(rows)


def check(libraries):
    said = said_to_pass()
    cases = [
        case
        for case in all_cases()
        if case.library in libraries and (case.name, case.library) in said
    ]
    assert cases
    failed = [f"{r.case.name}: {r.problem}" for r in run_all(cases, workers=1) if r.problem]
    assert not failed


@pytest.mark.parametrize("library", QUICK)
def test_objects_of_a_library_go_on_in_a_fresh_process(library):
    if library != "python":
        pytest.importorskip(library)
    check([library])
