"""Types that a program or a package registers, under the commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "register-a-type.md"
KIND = (Path(__file__).parents[1] / "registered_length.py").read_text()


def test_the_registration_is_known_after_every_resume(tmp_path, dart):
    script = tmp_path / "job.py"
    script.write_text(
        KIND
        + "first = Length('d', [1.0])\n"
        + "for i in range(40):\n    first.append(i)\nprint(sum(first))\n"
    )
    store = f"--dart-store={tmp_path / 'store'}"
    assert dart("run", store, "--dart-interval=3600", script, DART_TEST_STOP_AT="30").code == 85
    assert dart("resume", store, "--here", DART_TEST_STOP_AT="9").code == 85
    assert dart("resume", store, "--here", DART_TEST_STOP_AT="9").code == 85
    said = dart("resume", store, "--here")
    assert (said.code, said.out) == (0, "781.0\n"), said


def test_a_failing_entry_point_is_a_line_in_the_journal(tmp_path, dart):
    site = tmp_path / "site-packages"
    (site / "bad-1.0.dist-info").mkdir(parents=True)
    (site / "bad-1.0.dist-info" / "entry_points.txt").write_text(
        "[dartslurm.kinds]\njson = bad:no\n"
    )
    script = tmp_path / "job.py"
    script.write_text(
        f"import sys; sys.path.append({str(site)!r})\n"
        "import json\nfor i in range(9):\n    print(i)\n"
    )
    store = tmp_path / "store"
    said = dart(
        "run", f"--dart-store={store}", "--dart-interval=3600", script, DART_TEST_STOP_AT="9"
    )
    assert said.code == 85, said
    [journal] = store.glob("runs/r-*/journal.jsonl")
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [r for r in rows if r["event"] == "problem" and "kinds of bad:no" in r["message"]], rows


def test_the_example_of_the_how_to_survives_a_stop(tmp_path, dart):
    code = re.search(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL).group(1)
    script = tmp_path / "stock.py"
    script.write_text(code)
    store = f"--dart-store={tmp_path / 'store'}"
    expected = "[('apples', 3), ('pears', 195)]\n"
    assert dart("run", store, "--dart-interval=3600", script, DART_TEST_STOP_AT="30").code == 85
    assert dart("resume", store, "--here").out == expected
    plain = dart("run", store, "--dart-interval=3600", script, DART_DISABLE="1")
    assert (plain.code, plain.out) == (0, expected), plain


SHELF = """
import array
class Shelf(array.array):
    def __reduce_ex__(self, protocol): raise TypeError("not by pickle")
"""
SHELF_KINDS = """
def add(register):
    import shelf
    register(shelf.Shelf, list, make)
def make(items):
    import shelf
    return shelf.Shelf("d", items)
def fail(register):
    raise SystemExit("called for a module that is not loaded")
"""


def test_an_entry_point_is_called_once_its_module_is_loaded(tmp_path, dart):
    site = tmp_path / "site-packages"
    (site / "shelf-1.0.dist-info").mkdir(parents=True)
    (site / "shelf-1.0.dist-info" / "entry_points.txt").write_text(
        "[console_scripts]\nx = y:z\n\n[dartslurm.kinds]\nshelf = shelf_kinds:add\n"
        "neverloaded = shelf_kinds:fail\n\n[other]\narray = b:c\n"
    )
    (site / "shelf.py").write_text(SHELF)
    (site / "shelf_kinds.py").write_text(SHELF_KINDS)
    script = tmp_path / "job.py"
    script.write_text(
        f"import sys; sys.path.append({str(site)!r})\n"
        "import shelf\none = shelf.Shelf('d', [1.5])\n"
        "for i in range(9):\n    one.append(i)\nprint(type(one), sum(one))\n"
    )
    store = f"--dart-store={tmp_path / 'store'}"
    assert dart("run", store, "--dart-interval=3600", script, DART_TEST_STOP_AT="9").code == 85
    said = dart("resume", store, "--here")
    assert (said.code, said.out) == (0, "<class 'shelf.Shelf'> 37.5\n"), said
