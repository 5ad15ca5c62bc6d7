"""A tree of files that a killed process has changed is again what it was at the commit."""

import json
import os
import pickle
import random
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from dartslurm.state.outside import files
from dartslurm.state.outside.undo_log import UndoLog

_ROOT = Path(__file__).parents[2]
_START = """
    import json, os, random, shutil, signal, sys, time
    from pathlib import Path
    from dartslurm.state.outside import files
    from dartslurm.state.outside.undo_log import UndoLog
    log = UndoLog(sys.argv[1])
    told = []
    files.watch(log, lambda path, why: told.append((path, why)), (os.path.dirname(sys.argv[1]),))
    def commit():
        Path(sys.argv[2]).write_text(json.dumps(files.collect()))
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
"""


def tree(folder):
    """Return every name below a folder with what it is: bytes, link target or folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_dir():
            found[str(path.relative_to(folder))] = "folder"
        else:
            content = path.read_bytes()
            found[str(path.relative_to(folder))] = (content, stat.S_IMODE(about.st_mode))
    return found


class Seat:
    """A working directory, an undo log beside it, and processes that are killed in it."""

    def __init__(self, folder):
        self.cwd, self.log, self.tails = folder / "cwd", folder / "ours/undo", folder / "tails"
        self.meta = folder / "ours/meta"
        self.meta.parent.mkdir()
        self.cwd.mkdir()

    def run(self, code, *arguments, limit=None):
        command = [sys.executable, "-c", dedent(_START) + dedent(code)]
        process = subprocess.Popen(
            [*command, str(self.log), str(self.meta), *map(str, arguments)],
            cwd=self.cwd,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
        )
        try:
            out, _ = process.communicate(timeout=limit or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        return process.returncode, out.decode()

    def restore(self):
        return files.restore(json.loads(self.meta.read_text()), self.log_(), str(self.tails))

    def restore_to(self, meta, expected):
        lines = files.restore(meta, self.log_(), str(self.tails))
        assert tree(self.cwd) == expected, lines

    def log_(self):
        return UndoLog(str(self.log))


@pytest.fixture
def seat(tmp_path):
    return Seat(tmp_path)


CHANGES = {
    "overwritten": 'open("a", "w").write("new")',
    "overwritten by its descriptor": 'os.write(os.open("a", os.O_WRONLY | os.O_TRUNC), b"x")',
    "written in the middle": 'f = open("a", "r+"); f.seek(1); f.write("X"); f.flush()',
    "appended": 'open("a", "a").write("more")',
    "appended, then overwritten": 'open("a", "a").write("more"); open("a", "w").write("x")',
    "truncated by its path": 'os.truncate("a", 1)',
    "truncated by its descriptor": 'f = open("a", "r+"); f.truncate(1)',
    "removed": 'os.remove("a")',
    "removed and made again": 'os.remove("a"); open("a", "w").write("again")',
    "removed through a path": 'Path("a").unlink()',
    "renamed": 'os.rename("a", "z")',
    "renamed over another": 'os.replace("a", "b")',
    "renamed twice, then changed": 'os.replace("a", "b"); os.rename("b", "c"); open("c", "w")',
    "swapped": 'os.rename("a", "t"); os.rename("b", "a"); os.rename("t", "b")',
    "written anew and renamed": 'open("t", "w").write("n"); os.replace("t", "a")',
    "rotated": """
        for number in range(3):
            os.replace("b", "c"); os.replace("a", "b"); open("a", "w").write(str(number))
    """,
    "linked and written by the other name": 'os.link("a", "l"); open("l", "r+").write("LL")',
    "a link to it written": 'os.symlink("a", "l"); open("l", "w").write("by the link")',
    "a link replaced by a file": 'os.remove("s"); open("s", "w").write("x")',
    "written through a folder's link": 'open("ds/x", "w").write("x")',
    "mode changed": 'os.chmod("a", 0o400)',
    "a file made": 'open("n", "w").write("n")',
    "a folder made": 'os.makedirs("n/m"); open("n/m/f", "w").write("n")',
    "a folder made by a child's file": """
        os.mkdir("n"); os.system("echo x > n/of_a_child")
    """,
    "a folder renamed": 'os.rename("d", "e"); open("e/x", "w").write("x"); os.remove("e/sub/y")',
    "a folder renamed there and back": """
        os.rename("d", "e"); os.mkdir("d"); open("d/x", "w"); os.rename("d", "g")
        os.rename("e", "d"); open("d/x", "a").write("more")
    """,
    "a folder removed": 'shutil.rmtree("d")',
    "a folder removed and made again": """
        shutil.rmtree("d"); os.makedirs("d/sub"); open("d/sub/y", "w").write("2")
    """,
    "a file in the place of a folder": 'shutil.rmtree("d"); open("d", "w").write("f")',
    "a folder in the place of a file": 'os.remove("a"); os.makedirs("a/b"); open("a/b/c", "w")',
    "a committed file moved into a new folder": """
        os.mkdir("n"); shutil.move("a", "n/a"); os.rename("n", "o"); open("o/a", "w").write("x")
    """,
    "a copied tree": """
        shutil.copytree("d", "e"); shutil.rmtree("d"); os.rename("e", "d"); open("d/z", "w")
    """,
    "another folder's names by descriptor": """
        at = os.open("d", os.O_RDONLY)
        os.rename("x", "w", src_dir_fd=at, dst_dir_fd=at); os.mkdir("m", dir_fd=at)
    """,
    "after a change of the working directory": """
        os.chdir("d"); open("x", "w").write("x"); os.chdir("sub"); os.remove("y")
    """,
    "by a forked child": """
        if os.fork() == 0:
            open("a", "w").write("child"); os.replace("b", "c"); os._exit(0)
        os.wait()
    """,
    "through a mapping": """
        import mmap
        f = open("a", "r+b"); m = mmap.mmap(f.fileno(), 0); m[:2] = b"MM"; m.flush()
    """,
    "a data base": """
        import sqlite3
        base = sqlite3.connect("base"); base.execute("insert into t values (3)"); base.commit()
        base.execute("insert into t values (4)")
    """,
    "nothing that works": """
        for act in (lambda: os.remove("none"), lambda: os.mkdir("d"), lambda: os.rmdir("d"),
                    lambda: os.rename("none", "a"), lambda: os.rename("d", "a"),
                    lambda: open("a", "x"), lambda: open("d", "w"), lambda: open("no/f", "w")):
            try: act()
            except OSError as error: assert error.errno
            else: raise SystemExit("it should fail")
    """,
}  # fmt: skip

_FILL = """
    import sqlite3
    for name in "abc":
        Path(name).write_text(name * 5)
    os.makedirs("d/sub"); Path("d/x").write_text("xx"); Path("d/sub/y").write_text("yy")
    os.symlink("b", "s"); os.symlink("d", "ds")
    base = sqlite3.connect("base"); base.execute("create table t (n)"); base.commit(); base.close()
"""


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_after_a_commit_is_as_it_was(seat, change):
    seat.run(dedent(_FILL))
    before = tree(seat.cwd)
    shutil.rmtree(seat.log)
    code, _ = seat.run("commit()\n" + dedent(CHANGES[change]) + "\ndie()")
    assert code == -signal.SIGKILL
    if change != "nothing that works":
        assert tree(seat.cwd) != before
    seat.restore()
    assert tree(seat.cwd) == before
    seat.restore()
    assert tree(seat.cwd) == before


_RANDOM = """
    import pickle
    seed, first, ops = int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    dice = random.Random(seed)
    ours = os.path.dirname(sys.argv[1])
    top = os.getcwd()
    names = ["a", "b", "c", "d", "e", "d/a", "d/b", "d/e", "e/a", "e/d", "d/e/a", "e/d/b"]

    def tree():
        found = {}
        for above, folders, leaves in os.walk(top):
            for name in folders + leaves:
                path = os.path.join(above, name)
                short = os.path.relpath(path, top)
                if os.path.islink(path):
                    found[short] = os.readlink(path)
                elif os.path.isdir(path):
                    found[short] = "folder"
                else:
                    with open(path, "rb") as file:
                        found[short] = (file.read(), os.lstat(path).st_mode & 0o7777)
        return found

    def text():
        return "".join(dice.choices("xyz", k=dice.randrange(9)))

    def patch(p):
        with open(p, "r+") as file:
            file.seek(dice.randrange(5)); file.write(text())
            if dice.random() < .3: file.truncate(2)

    def write(p, mode):
        with open(p, mode) as file:
            file.write(text())

    def anew(p):
        write(p + ".tmp", "w"); os.replace(p + ".tmp", p)

    held = []
    def hold(p):
        held.append(open(p, "r+"))
    def scribble(_):
        file = dice.choice(held); file.seek(dice.randrange(6)); file.write(text()); file.flush()

    one = [lambda p: write(p, "w"), lambda p: write(p, "a"), lambda p: write(p, "x"), patch, anew,
           os.remove, os.mkdir, os.rmdir, shutil.rmtree, lambda p: os.makedirs(p + "/e"),
           lambda p: os.truncate(p, 1), lambda p: os.chmod(p, 0o640), hold, scribble]
    two = [os.rename, os.replace, lambda p, q: os.symlink(os.path.basename(p), q),
           shutil.move, shutil.copy, shutil.copytree]
    number = first
    for _ in range(ops):
        try:
            if dice.random() < .6:
                dice.choice(one)(dice.choice(names))
            else:
                dice.choice(two)(dice.choice(names), dice.choice(names))
        except (OSError, shutil.Error, IndexError):
            pass
        if dice.random() < .06:
            meta = files.collect()
            number += 1
            with open(f"{ours}/version.tmp", "wb") as file:
                pickle.dump((meta, tree()), file)
            os.replace(f"{ours}/version.tmp", f"{ours}/version-{number}")
    die()
"""


@pytest.mark.parametrize("seed", range(int(os.environ.get("DART_UNDO_SEEDS", "4"))))
def test_any_changes_killed_at_any_instant_are_undone_to_any_version_before(seat, seed):
    dice = random.Random(seed)
    code, _ = seat.run(_RANDOM, seed, 0, 40)
    assert code == -signal.SIGKILL
    for attempt in range(6):
        versions = sorted(int(p.name[8:]) for p in seat.meta.parent.glob("version-*"))
        if not versions:
            seat.restore_to({"lengths": {}, "mark": 0}, {})
            number = 0
        else:
            number = versions[-1] if dice.random() < 0.7 else dice.choice(versions)
            seat.restore_to(*pickle.loads((seat.meta.parent / f"version-{number}").read_bytes()))
        for later in versions:  # what was begun behind it is another way, and can be forgotten
            if later > number:
                (seat.meta.parent / f"version-{later}").unlink()
        limit = None if dice.random() < 0.5 else 0.15 + dice.random() * 0.4
        arguments = (1000 * seed + attempt, number, dice.choice((30, 120, 100_000)))
        seat.run(_RANDOM, *arguments, limit=limit if arguments[2] < 1000 else limit or 0.5)


@pytest.mark.parametrize("seed", range(50, 50 + int(os.environ.get("DART_UNDO_SEEDS", "4"))))
def test_each_version_is_restored_after_the_one_behind_it(seat, seed):
    seat.run(_RANDOM, seed, 0, 300)
    places = {int(p.name[8:]): p for p in seat.meta.parent.glob("version-*")}
    for number in sorted(places, reverse=True):
        seat.restore_to(*pickle.loads(places[number].read_bytes()))


def test_a_file_is_kept_that_is_overwritten_after_a_rename_onto_it_has_failed(seat):
    seat.run("""
        Path("e").write_text("old"); Path("c").mkdir(); commit()
        try:
            os.rename("c", "e")
        except OSError:
            with open("e", "r+") as file:
                file.write("newer")
        die()
    """)
    seat.restore()
    assert (seat.cwd / "e").read_text() == "old"


def test_what_a_link_in_a_folders_place_leads_to_is_left_alone(seat):
    seat.run("""
        for name in ("d/e", "other"):
            os.makedirs(name); Path(name, "a").write_text(name)
        commit()
        try:
            os.rmdir("d/e")
        except OSError:
            shutil.rmtree("d/e")
        os.symlink("../other", "d/e"); die()
    """)
    seat.restore()
    assert not (seat.cwd / "d/e").is_symlink()
    assert (seat.cwd / "d/e/a").read_text() == "d/e"
    assert (seat.cwd / "other/a").read_text() == "other"


@pytest.mark.parametrize("seed", range(int(os.environ.get("DART_UNDO_SEEDS", "4"))))
def test_the_way_back_to_kept_versions_is_the_same_after_a_pruning(seat, seed, tmp_path):
    dice = random.Random(seed)
    seat.run(_RANDOM, 50 + seed, 0, 600)
    places = {int(p.name[8:]): p for p in seat.meta.parent.glob("version-*")}
    versions = {n: pickle.loads(p.read_bytes())[0] for n, p in places.items()}
    kept = sorted({*dice.sample(sorted(versions)[len(versions) // 3 :], 3), max(versions)})
    marks = [versions[number]["mark"] for number in kept]
    held = {e["kept"] for n in kept for e in versions[n].get("held", {}).values()}
    aside = tmp_path.with_name(f"{tmp_path.name}-aside")
    subprocess.run(["cp", "-a", tmp_path, aside], check=True)  # with its hard links
    ways = []
    for prunes in (False, True):
        shutil.rmtree(tmp_path)
        subprocess.run(["cp", "-a", aside, tmp_path], check=True)
        log = seat.log_()
        names = log.unneeded(marks, held) if prunes else []
        if prunes:
            assert names
            log.free(names, min(marks))
            assert log.unneeded(marks, held) == []
        assert not {path.name for path in seat.log.iterdir()} & set(names)
        ways.append([])
        for number in reversed(kept):
            files.restore(versions[number], seat.log_(), str(seat.tails))
            ways[-1].append(tree(seat.cwd))
    assert ways[0] == ways[1]


def test_only_the_oldest_of_several_contents_between_two_versions_is_kept(seat):
    _, out = seat.run("""
        for n in range(6):
            Path("a").write_text(str(n) * 9); Path("b").open("a").write("more")
            print(files.collect()["mark"])
        commit(); Path("a").write_text("last"); die()
    """)
    marks = [int(line) for line in out.split()]
    log = seat.log_()
    assert len(list(seat.log.iterdir())) == 1 + 6  # the log, and what each write found
    assert len(log.unneeded([marks[0], marks[5]], set())) == 4
    assert len(log.unneeded([marks[3], marks[5]], set())) == 4
    assert log.unneeded(marks, set()) == []
    log.free(log.unneeded([marks[0], marks[5]], set()), marks[0])
    seat.restore()
    assert (seat.cwd / "a").read_text() == "5" * 9
    files.restore({"lengths": {}, "mark": marks[0]}, seat.log_(), str(seat.tails))
    assert (seat.cwd / "a").read_text() == "0" * 9
    assert (seat.cwd / "b").read_text() == "more"


def test_a_version_before_which_old_bytes_were_dropped_is_restored(seat):
    seat.run('Path("a").write_text("1"); files.collect(); Path("a").write_text("2"); commit()')
    mark = json.loads(seat.meta.read_text())["mark"]
    assert seat.log_().drop_old(mark) == 0
    log = seat.log_()
    log.add({"path": str(seat.cwd / "n"), "was": "absent"})
    assert log.drop_old(mark, most_bytes=0) > 0
    (seat.cwd / "n").write_text("new")
    seat.restore()
    assert tree(seat.cwd) == {"a": (b"2", 0o644)}
