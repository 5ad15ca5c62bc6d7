"""``dart-drill``: equal, different and non-deterministic programs of a user, on copies."""

from __future__ import annotations

import json

EQUAL = """
import sys
rows = open("in.txt").read().split()
with open("out.txt", "a") as out:
    for i, row in enumerate(rows * 3):
        print(i, row, file=out)
        print(row)
sys.exit(3)
"""


def test_an_equal_program_ends_with_0_and_the_users_files_are_not_touched(dart, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "in.txt").write_text("a b c\n")
    (work / "out.txt").write_text("before\n")
    (work / "job.py").write_text(EQUAL)
    said = dart("drill", "--trials=1", "--stops=1", "job.py", cwd=work)
    assert said.code == 0, said
    assert "exit code 3" in said.out
    assert "2 of 2 trials equal" in said.out
    assert sorted(path.name for path in work.iterdir()) == ["in.txt", "job.py", "out.txt"]
    assert (work / "out.txt").read_text() == "before\n"


def test_a_script_beside_the_working_folder_is_copied_with_its_folder(dart, tmp_path):
    (tmp_path / "job.py").write_text("print(sum(range(9)))\n")
    (tmp_path / "work").mkdir()
    said = dart("drill", "--trials=1", "--stops=1", "../job.py", cwd=tmp_path / "work")
    assert said.code == 0 and "exit code 0" in said.out, said


def test_every_safe_point_of_a_small_program(dart, tmp_path):
    said = dart(
        "drill", "--every", "--json", "-c", "t = 0\nfor i in range(3):\n    t += i\nprint(t)"
    )
    shown = json.loads(said.out)
    assert (said.code, shown["schema"], shown["deterministic"]) == (0, 1, True)
    assert len(shown["trials"]) >= 6
    assert all(trial["stops"] and not trial["problems"] for trial in shown["trials"])


LOSING = """
import socket
sock = socket.socketpair()
def main():
    total = 0
    for i in range(5):
        total += i
    sock[0].sendall(b"x")
    print(total)
main()
"""


def test_a_program_that_differs_is_reported_with_place_frame_and_object(dart, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(LOSING)
    said = dart("drill", "--every", "--json", script)
    trials = json.loads(said.out)["trials"]
    assert said.code == 1
    bad = [trial for trial in trials if trial["problems"]]
    assert 0 < len(bad) < len(trials)
    fault = bad[-1]["fault"]
    assert fault["first_difference"].startswith("stdout, line 1: '10' expected")
    [origin] = fault["resumed_from"]
    assert "job.py:" in origin["place"]
    assert origin["place"].endswith(", main")
    assert len(origin["frames"]) == 2
    assert any("__main__.sock[0], a socket.socket" in row for row in origin["lost"])
    assert any("UncapturableError" in line for line in fault["said"])
    text = dart("drill", "--every", script).out
    assert "DIFFERS" in text
    assert "lost __main__.sock[0], a socket.socket" in text


def test_a_program_that_is_not_deterministic_is_told_so(dart, tmp_path):
    said = dart("drill", "-c", "import os\nprint('same')\nprint(os.urandom(4))")
    assert said.code == 11
    assert "not deterministic" in said.out
    assert "stdout" in said.out


def test_wrong_calls_are_refused(dart, tmp_path):
    dart("drill").refuses(2, "no program")
    dart("drill", "--trials=x", "job.py").refuses(2, "--trials=x")
    dart("drill", tmp_path / "none.py").refuses(2, "none.py")
