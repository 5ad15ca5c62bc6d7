# ruff: noqa: E501  (programs inside strings)
"""An object that cannot travel costs itself only, is named by its path, and raises when touched."""

import ctypes

import pytest

from dartslurm.model.parts import Scope
from dartslurm.state.pickler import dump_state

TOUCHES = [
    "x.attribute", "x()", "x[0]", "iter(x)", "next(x)", "len(x)", "bool(x)", "x == 1", "x != 1",
    "x < 1", "x + 1", "1 + x", "x @ 1", "-x", "abs(x)", "int(x)", "float(x)", "str(x)", "f'{x}'",
    "1 in x", "x.send(b'')", "setattr(x, 'a', 1)", "delattr(x, 'a')", "x.__init__()",
    "exec('with x: pass')", "exec('for _ in x: pass')", "exec('x += 1')", "exec('x[0] = 1')",
    "import_('copy').copy(x)", "import_('pickle').dumps(x)", "import_('os').fspath(x)",
    "round(x)", "divmod(x, 2)", "reversed(x)", "bytes(x)", "isinstance(1, x)", "import_('math').floor(x)",
]  # fmt: skip


def test_a_placeholder_raises_one_clear_error_at_any_touch_and_not_before(round_trip):
    out = round_trip(
        """
        import socket
        class Worker: pass
        worker = Worker(); worker.pool = [0, 1, {"conn": socket.socket()}]
        sock = socket.socket(); same = sock
        by_sock = {sock: "a"}
        """,
        f"""
        import_ = __import__
        x = sock
        assert same is x and by_sock[x] == "a" and [x][0] is x and x is not None and id(x) and hash(x)
        for touch in {TOUCHES!r}:
            try: eval(touch)
            except Exception as e:
                assert type(e).__name__ == "UncapturableError" and "lost when the program was resumed" in str(e), (touch, repr(e))
                assert "__main__.sock, a socket.socket" in str(e), e
            else: raise AssertionError(touch)
        print(repr(x)); print(repr(worker.pool[2]["conn"]))
        assert sorted(row["path"] for row in ledger) == ["__main__.sock", "__main__.worker.pool[2]['conn']"]
        """,
    )
    first, second = out.splitlines()[-2:]
    assert first.startswith("<lost __main__.sock, a socket.socket: ")
    assert second.startswith("<lost __main__.worker.pool[2]['conn'], a socket.socket: ")


BAD_REDUCTIONS = {
    "raises": "raise ValueError('no')",
    "raises what no except Exception takes": "raise SystemExit(3)",
    "raises something that cannot be shown": "raise Unspeakable()",
    "recurses": "return self.__reduce__()",
    "asks for too much memory": "return bytearray(1 << 62)",
    "gives nonsense": "return 5",
    "gives half a reduction": "return list, 5",
    "gives items that fail": "return list, (), None, (1 / 0 for _ in 'x')",
    "gives a name that is not there": "return 'nowhere'",
}


@pytest.mark.parametrize("body", BAD_REDUCTIONS.values(), ids=BAD_REDUCTIONS)
def test_a_bad_reduction_costs_its_object_only(round_trip, body):
    round_trip(
        f"""
        class Unspeakable(Exception):
            def __str__(self): raise RuntimeError
        import array
        class Bad(array.array):     # a C base whose layout is not ours: its own reduction is asked
            def __reduce_ex__(self, protocol): return self.__reduce__()
            def __reduce__(self): {body}
        bad = Bad("d", [1.0]); good = [1, {{"a": bad}}, 2]
        """,
        """
        assert good[0] == 1 and good[2] == 2 and good[1]["a"] is bad
        assert [row["path"] for row in ledger if row["lost"]] == ["__main__.bad"], ledger
        assert "lost" in repr(bad)
        """,
    )


@pytest.mark.parametrize(
    "body", ["while True: pass", "time.sleep(600)", "threading.Event().wait()"]
)
def test_a_reduction_that_does_not_end_is_cut_short(round_trip, body):
    round_trip(
        f"""
        import array, time, threading
        from dartslurm.state import patience
        patience.SECONDS = 0.5
        class Slow(array.array):
            def __reduce_ex__(self, protocol):
                {body}
        slow = Slow("d", [1.0]); other = Slow("d", [1.0]); good = [1]
        """,
        """
        assert good == [1]
        assert sorted(row["path"] for row in ledger) == ["__main__.other", "__main__.slow"], ledger
        assert sum("more than 0.5 seconds" in row["reason"] for row in ledger) <= 1, ledger
        """,
    )


def test_nested_containers_of_any_depth_travel(round_trip):
    round_trip(
        """
        deep = []
        for _ in range(100_000): deep = [deep]
        wide = {}
        for _ in range(30_000): wide = {"k": (wide,)}
        class Node: pass
        chain = None
        for _ in range(50_000):
            node = Node(); node.next = chain; chain = node
        """,
        """
        assert not ledger
        n = 0
        while deep: deep = deep[0]; n += 1
        while wide: wide = wide["k"][0]; n += 1
        while chain: chain = chain.next; n += 1
        assert n == 180_000, n
        """,
    )


def test_a_walk_that_takes_too_long_is_given_up_and_the_next_may_take_twice_as_long(round_trip):
    round_trip(
        """
        import array, time
        from dartslurm.state import patience, pickler
        class Slow(array.array):
            def __reduce_ex__(self, protocol):
                time.sleep(0.05)
                return array.array, ("d", [1.0])
        slow = [Slow("d", [1.0]) for _ in range(1000)]
        patience.WALK_SECONDS, said = 0.2, []
        for _ in range(2):
            try: pickler.dump_state(slow)
            except Exception as error: said.append(str(error))
        patience.WALK_SECONDS = 60.0; del slow[1:]
        """,
        """
        assert "more than 0.2 seconds" in said[0] and "more than 0.4 seconds" in said[1], said
        """,
    )


def test_a_program_that_runs_is_named_and_one_that_has_ended_keeps_its_result(round_trip):
    round_trip(
        """
        import multiprocessing, os, subprocess, time
        ended = subprocess.Popen(["false"]); ended.wait()
        unasked = subprocess.Popen(["sh", "-c", "exit 7"])
        os.waitid(os.P_PID, unasked.pid, os.WEXITED | os.WNOWAIT)
        runs = subprocess.Popen(["sleep", "600"])
        started = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        started.start()
        done = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
        done.start(); done.join()
        def check_live():
            assert unasked.returncode is None and unasked.wait() == 7
            runs.kill(); started.kill()
        """,
        """
        assert ended.wait() == 1 and unasked.wait() == 7
        assert done.exitcode == 0 and not done.is_alive() and done.join() is None
        lost = sorted(row["path"] for row in ledger if row["lost"])
        assert lost == ["__main__.runs", "__main__.started"], ledger
        """,
    )


def test_compressed_files_go_on_in_the_middle_and_end_in_the_same_bytes(round_trip):
    program = """
        import bz2, gzip, hashlib, io, zlib
        line = lambda n: hashlib.sha256(b"%d" % n).hexdigest().encode() * 3 + b"the same again "
        def write(path, **options):
            file = gzip.GzipFile(path, "ab", mtime=1, **options)
            for n in range(3000): file.write(line(n))
            return file
        with gzip.GzipFile("many.gz", "wb", mtime=1) as first: first.write(b"first member")
        writers = [write("many.gz"), write("one.gz", compresslevel=1), write("three.gz", compresslevel=3)]
        writers[0].flush(); writers[0].write(b"after a flush")
        text = io.TextIOWrapper(gzip.GzipFile("text.gz", "wb", mtime=1)); text.write("waiting")
        with bz2.open("b.bz2", "wb") as file: file.writelines(line(n) for n in range(3000))
        reader = bz2.open("b.bz2"); reader.read(100_000)
        def finish(folder="."):
            for file in writers: file.write(line(7)); file.close()
            text.write("more"); text.close()
            found = [open(f"{folder}/{n}.gz", "rb").read() for n in ("many", "one", "three", "text")]
            return [hashlib.sha256(one).hexdigest() for one in found], reader.tell(), reader.read(50)
        """
    round_trip(
        program
        + """
        import shutil, os
        def check_live():
            for name in ("many", "one", "three", "text"):
                shutil.copyfile(f"{name}.gz", f"{name}.kept")
            with open("expected", "w") as file: file.write(repr(finish()))
            for name in ("many", "one", "three", "text"):
                os.replace(f"{name}.kept", f"{name}.gz")
        """,
        """
        assert not [row for row in ledger if row["lost"]], ledger
        found, expected = repr(finish("..")), open("../expected").read()
        assert found == expected, (found, expected)
        """,
    )


def test_a_loss_is_named_by_the_function_that_holds_it_now():
    address = ctypes.c_void_p(4096)

    def path_in(function):
        scope = Scope("frame", function, function, [("held", address)])
        rows = dump_state({"held": address}, scopes=[scope]).ledger
        return [row["path"] for row in rows if row["type"].endswith("c_void_p")]

    assert path_in("opens") == ["opens.held"]
    assert path_in("uses") == ["uses.held"]
