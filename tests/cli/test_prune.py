"""``dart-prune`` and the files of the program: old bytes go with the versions that need them."""

from __future__ import annotations

import pytest

SCRIPT = """
for step in range(40):
    with open("counter", "w") as file:
        file.write(str(step) * 1000)
    if step % 5 == 0:
        with open("log", "a") as file:
            file.write("+")
print(open("counter").read()[:2], open("log").read())
"""


@pytest.fixture
def counted(dart, tmp_path):
    """A run whose program overwrites a file again and again, with a version every few writes."""
    script = tmp_path / "count.py"
    script.write_text(SCRIPT)
    for name, *words in (("run", script), *[("resume", "--here")] * 4):
        said = dart(name, "--dart-store=s", *words, DART_TEST_STOP_AT="25")
        assert said.code == 85, said
    (run,) = (tmp_path / "s" / "runs").glob("r-*")
    return run


def old_files(run):
    return {path.name for path in (run / "undo").iterdir()} - {"log"}


def test_what_only_pruned_versions_need_goes_and_a_kept_one_still_restores_its_files(
    dart, counted, tmp_path
):
    before = old_files(counted)
    words = ("prune", "--dart-store=s", "--keep=1", "--keep-every=3", counted.name)
    shown = dart(*words, "--dry-run")
    assert "of old bytes of the program's files" in shown.out
    assert old_files(counted) == before
    said = dart(*words)
    assert said.code == 0, said
    assert 0 < len(old_files(counted)) < len(before)
    assert shown.out.splitlines()[1] in said.out  # freed what was announced
    last = dart("resume", "--dart-store=s", "--here", "--at=3")
    assert (last.code, last.out) == (0, "39 ++++++++\n")
    assert (tmp_path / "log").read_text() == "+" * 8
