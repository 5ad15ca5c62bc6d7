# ruff: noqa: E501  (programs inside strings)
"""What no object of the program holds comes back too."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

_ROOT = Path(__file__).parents[2]


def _run(code, *arguments, cwd, seed, **environment):
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": seed, **environment},
        cwd=cwd,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_TAKE = """
    import sys, os, json, pickle
    from dartslurm.state.outside import surroundings
    from dartslurm.state.pickler import dump_state
    surroundings.watch()
"""
_GIVE = """
    import sys, json, pickle
    from dartslurm.state.outside import surroundings
    from dartslurm.state import modules
    from dartslurm.state.pickler import load_state
    stream, leaves, header, plain, parts = pickle.load(open(sys.argv[1], "rb"))
    surroundings.restore_before(json.loads(plain))
    modules.import_recorded(header)
    from types import ModuleType
    keep = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    modules.make_user_modules(header)
    found = load_state(stream, lambda i: bytearray(leaves[i]), header, lambda i: parts[i])
    assert surroundings.restore_after(found) == []
"""
_SAVE = """
    plain = json.dumps(surroundings.collect_plain())
    state = dump_state(surroundings.collect()[0])
    assert not [r for r in state.ledger if r["lost"]], state.ledger
    pickle.dump((state.stream, [bytes(l.view) for l in state.leaves], state.header, plain, state.parts), open(TARGET, "wb"))
"""


def _carry(tmp_path, program, check):
    state = tmp_path / "state"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    save = dedent(_SAVE).replace("TARGET", repr(str(state)))
    _run(dedent(_TAKE) + dedent(program) + save, "arg", cwd=tmp_path, seed="1", SECRET_TOKEN="a")
    return _run(dedent(_GIVE) + dedent(check), state, cwd=elsewhere, seed="2")


def test_process_and_interpreter_settings_come_back(tmp_path):
    out = _carry(
        tmp_path,
        """
        import random, warnings, logging, decimal, contextvars, signal, atexit, gc, locale, io, builtins
        (__import__("pathlib").Path("sub")).mkdir(); os.chdir("sub"); os.umask(0o27)
        os.environ["MINE"] = "1"; os.environ["MY_TOKEN"] = "x"; del os.environ["HOME"]
        sys.path.append("/extra"); sys.argv.append("more"); sys.setrecursionlimit(4321)
        random.seed(7); random.gauss(0, 1)
        warnings.simplefilter("error", ResourceWarning)
        log = logging.getLogger("a.b"); log.setLevel(5); h = logging.StreamHandler(sys.stderr); log.addHandler(h); logging.addLevelName(7, "SEVEN")
        decimal.getcontext().prec = 50; held = decimal.getcontext()
        var = contextvars.ContextVar("v"); var.set(3)
        def on_usr2(n, f): print("USR2")
        signal.signal(signal.SIGUSR2, on_usr2); signal.signal(signal.SIGINT, signal.SIG_IGN)
        atexit.register(print, "bye", flush=True)
        gc.set_threshold(500, 5, 5); gc.disable()
        builtins.extra = on_usr2
        import calendar, textwrap, time; calendar.MARK = [1]; textwrap.dedent = lambda x: "mine"; time.sleep = on_usr2
        keeper = sys.stderr
        """,
        """
        import os, random, warnings, logging, decimal, signal, gc, builtins
        main = sys.modules["__main__"]
        assert os.getcwd().endswith("/sub") and os.umask(0o22) == 0o27
        assert os.environ["MINE"] == "1" and "MY_TOKEN" not in os.environ and "HOME" not in os.environ
        assert sys.path[-1] == "/extra" and sys.argv[-1] == "more" and sys.getrecursionlimit() == 4321
        r = random.Random(7); r.gauss(0, 1); assert random.gauss(0, 1) == r.gauss(0, 1) and random.random() == r.random()
        assert warnings.filters[0][0] == "error" and warnings.filters[0][2] is ResourceWarning
        log = logging.getLogger("a.b"); assert log.level == 5 and log.handlers == [main.h] and main.h.stream is sys.stderr and main.log is log
        assert logging.getLevelName(7) == "SEVEN"
        assert decimal.getcontext().prec == 50 and decimal.getcontext() is main.held and main.var.get() == 3
        assert signal.getsignal(signal.SIGUSR2) is main.on_usr2 and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert gc.get_threshold() == (500, 5, 5) and not gc.isenabled() and builtins.extra is main.on_usr2
        import calendar, textwrap, time
        assert calendar.MARK == [1]
        assert textwrap.dedent(3) == "mine" and time.sleep is main.on_usr2
        os.kill(os.getpid(), signal.SIGUSR2)
        """,
    )
    assert out.splitlines() == ["USR2", "bye"]


def test_settings_of_numerical_libraries_come_back(tmp_path):
    _carry(
        tmp_path,
        """
        import numpy as np
        np.random.seed(3); np.random.rand(2); np.seterr(divide="raise"); np.set_printoptions(precision=3)
        guard = np.errstate(over="ignore"); guard.__enter__()
        """,
        """
        import numpy as np
        expected = np.random.RandomState(3).rand(3)[2]
        assert np.random.rand() == expected and np.geterr()["divide"] == "raise" and np.geterr()["over"] == "ignore"
        assert np.get_printoptions()["precision"] == 3
        sys.modules["__main__"].guard.__exit__(None, None, None)
        assert np.geterr()["over"] == "warn" and np.geterr()["divide"] == "raise"
        """,
    )


def test_a_library_singleton_made_on_demand_is_one_object_again(tmp_path):
    library = tmp_path / "site-packages" / "lazylib.py"
    library.parent.mkdir()
    library.write_text(
        "the_one = None\nclass One:\n    pass\n"
        "def get():\n    global the_one\n"
        "    the_one = the_one or One()\n    return the_one\n"
    )
    _carry(
        tmp_path,
        f"""
        sys.path.insert(0, {str(library.parent)!r})
        import lazylib
        one = lazylib.get(); one.value = 5
        """,
        """
        import lazylib
        main = sys.modules["__main__"]
        assert main.one.value == 5 and lazylib.get() is main.one
        from dartslurm.state.outside import surroundings
        surroundings.watch()
        from dartslurm.state.pickler import dump_state
        surroundings.collect()
        assert b"value" in dump_state(None).stream  # by value the next time too
        """,
    )


_CHOICES = """
config = {"depth": 1, "inner": {"rows": 5, "kept": 6}, "loaded": False, "at": 0}
cache = {"rows": 1}
class Options:
    def __init__(self): self.width = 80; self.names = ["a"]
class Slotted:
    __slots__ = "style", "made"
options, settings = Options(), Slotted()
settings.style = "plain"
_default = "float32"
def choose():
    global _default
    _default = "float64"
    config["depth"] = 2; config["new"] = (1, "b"); config["inner"]["rows"] = 7
    config["loaded"] = True; config["at"] = 1 << 40; cache["rows"] = 2
    options.width = 60; options.names = ["a", "b"]; settings.style = "dark"
"""


def test_what_a_program_has_chosen_in_a_library_by_calling_it_is_chosen_again(tmp_path):
    library = tmp_path / "site-packages" / "choices.py"
    library.parent.mkdir()
    library.write_text(_CHOICES)
    _carry(
        tmp_path,
        f"""
        sys.path.insert(0, {str(library.parent)!r})
        import choices
        choices.choose()
        import fractions, sched
        """,
        """
        import choices
        inner = {"rows": 7, "kept": 6}
        assert choices.config == {"depth": 2, "inner": inner, "loaded": False, "at": 0, "new": (1, "b")}
        assert choices.cache == {"rows": 1} and choices._default == "float64"
        assert choices.options.width == 60 and choices.options.names == ["a", "b"]
        assert choices.settings.style == "dark" and not hasattr(choices.settings, "made")
        """,
    )


def test_a_class_that_a_librarys_function_made_in_its_module_is_there_again(tmp_path):
    library = tmp_path / "site-packages" / "makerlib.py"
    library.parent.mkdir()
    library.write_text(
        "def create(name, base, **more):\n    globals()[name] = type(name, (base,), more)\n"
    )
    _carry(
        tmp_path,
        f"""
        sys.path.insert(0, {str(library.parent)!r})
        import makerlib
        makerlib.create("Point", list, weight=2)
        point = makerlib.Point([1, 2])
        """,
        """
        import makerlib
        point = sys.modules["__main__"].point
        assert type(point) is makerlib.Point and point == [1, 2] and point.weight == 2
        """,
    )


def test_settings_inside_the_standard_library_come_back(tmp_path):
    _carry(
        tmp_path,
        """
        import csv, decimal, logging, signal, socket, tempfile, threading
        class Record(logging.LogRecord): pass
        class Logger(logging.Logger): pass
        logging.setLogRecordFactory(Record); logging.setLoggerClass(Logger)
        logging.lastResort = None; logging.captureWarnings(True)
        csv.field_size_limit(999); csv.register_dialect("mine", delimiter=";", quoting=csv.QUOTE_ALL)
        decimal.DefaultContext.prec = 9; socket.setdefaulttimeout(7); threading.stack_size(1 << 20)
        tempfile.tempdir = os.getcwd(); sys.tracebacklimit = 5
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        """,
        """
        import csv, decimal, logging, os, signal, socket, tempfile, threading, warnings
        main = sys.modules["__main__"]
        assert logging.getLogRecordFactory() is main.Record and logging.lastResort is None
        assert type(logging.getLogger("fresh")) is main.Logger
        assert warnings.showwarning.__module__ == "logging"
        assert csv.field_size_limit() == 999 and csv.get_dialect("mine").delimiter == ";"
        assert csv.get_dialect("mine").quoting == csv.QUOTE_ALL
        assert decimal.DefaultContext.prec == 9 and socket.getdefaulttimeout() == 7
        assert threading.stack_size() == 1 << 20 and sys.tracebacklimit == 5
        assert tempfile.gettempdir() == os.getcwd()
        assert signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        """,
    )


def test_filters_that_raise_every_warning_meet_none_of_ours():
    import warnings

    from dartslurm.state.outside import warning_filters

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warning_filters.restore(warning_filters.collect())
        assert warnings.filters[0][:3] == ("error", None, Warning)


@pytest.mark.parametrize(("fails", "lost"), [(1, []), (2, ["outside.generators_of_numbers"])])
def test_what_cannot_be_taken_is_tried_again_and_then_named(tmp_path, fails, lost):
    """A version without the state of `random` goes on with other numbers."""
    code = """
        import random, sys
        from dartslurm.state.outside import surroundings
        failures, real = [MemoryError("now")] * int(sys.argv[1]), random.getstate
        def getstate():
            if failures:
                raise failures.pop()
            return real()
        random.getstate = getstate
        found, rows = surroundings.collect()
        print([row["path"] for row in rows], "generators_of_numbers" in found)
    """
    assert _run(code, fails, cwd=tmp_path, seed="1") == f"{lost} {not lost}\n"


def test_settings_are_read_and_set_without_a_warning(tmp_path):
    """Pandas warns whoever reads a setting that is to go; the program may fail by warnings."""
    code = """
        import warnings
        import pandas
        from dartslurm.state.outside import libraries
        pandas.set_option("display.max_rows", 7)
        warnings.simplefilter("error")
        before = list(warnings.filters)
        found = libraries.collect()
        libraries.restore(found)
        print(found["pandas"], warnings.filters == before)
    """
    assert _run(code, cwd=tmp_path, seed="1") == "{'display.max_rows': 7} True\n"


def test_no_descriptor_of_ours_is_taken_for_the_programs(tmp_path):
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    for path in (own, theirs):
        path.write_bytes(b"abc")
    program = """
    import os, sys
    from dartslurm import disk
    from dartslurm.state.outside import descriptors
    descriptors.watch()
    ours, found = disk.open_file(sys.argv[1]), os.open(sys.argv[2], os.O_RDONLY)
    print(*[(row["path"], row["number"] == found) for row in descriptors.collect()["files"]])
    """
    printed = _run(program, own, theirs, cwd=tmp_path, seed="1")
    assert printed == f"('{theirs.resolve()}', True)\n"
