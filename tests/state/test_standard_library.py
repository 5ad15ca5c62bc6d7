# ruff: noqa: E501  (programs inside strings)
"""Objects of the standard library keep their state, their position and their identity."""


def test_open_files_go_on_at_their_position(round_trip):
    round_trip(
        r"""
        import os
        def write(name, text):
            with open(name, "w") as f: f.write(text)
        write("in.txt", "".join(f"line {i} äö\n" for i in range(1000)))
        reading = open("in.txt", encoding="utf-8"); reading.readline(); lines = iter(reading); next(lines); next(lines)
        plain = open("in.txt"); plain.read(10)
        binary = open("in.txt", "rb"); binary.seek(20)
        raw = open("in.txt", "rb", buffering=0); raw.read(7)
        out = open("out.txt", "w"); out.write("first\n"); buffer = out.buffer
        app = open("app.txt", "a"); app.write("a\n")
        both = open("both.bin", "w+b"); both.write(b"0123456789"); both.seek(4)
        crlf = open("crlf.txt", "w", newline="\r\n"); crlf.write("x\n")
        gone = open("in.txt"); gone.close()
        import tempfile
        temporary = tempfile.TemporaryFile(); temporary.write(b"temp"); temporary.seek(2)
        import sys, csv, io
        err = sys.stderr
        table = csv.writer(open("t.csv", "w", newline="")); table.writerow([1, 2])
        dictwriter = csv.DictWriter(open("d.csv", "w", newline=""), ["a"]); dictwriter.writeheader()
        rows = csv.DictReader(io.StringIO("a,b\n1,2\n3,4\n")); next(rows)
        text = io.StringIO("hello"); text.read(2)
        data = io.BytesIO(b"hello"); data.read(2)
        folder = os.getcwd()
        """,
        r"""
        import os, sys
        assert next(lines) == "line 3 äö\n"
        assert binary.tell() == 20 and raw.tell() == 7 and raw.read(3) == "äö".encode()[:3]
        assert plain.tell() == 12 and plain.read(6) == "line 1"
        assert out.buffer is buffer and out.mode == "w" and out.name == "out.txt"
        out.write("second\n"); out.close()
        app.write("b\n"); app.close(); crlf.write("y\n"); crlf.close()
        there = lambda n: open(os.path.join(folder, n), newline="").read()
        assert there("out.txt") == "first\nsecond\n" and there("app.txt") == "a\nb\n" and there("crlf.txt") == "x\r\ny\r\n"
        assert both.read(2) == b"45"; both.seek(0); both.write(b"X"); both.seek(0); assert both.read() == b"X123456789"
        assert gone.closed and gone.name == "in.txt"
        assert temporary.read() == b"mp"
        assert err is sys.stderr, (err, sys.stderr, sys.__stderr__)
        table.writerow([3, 4]); dictwriter.writerow({"a": 5});
        assert next(rows) == {"a": "3", "b": "4"}
        assert text.read() == "llo" and data.read() == b"llo"
        """,
    )


def test_locks_references_contexts_and_caches(round_trip):
    round_trip(
        """
        import threading, weakref, contextvars, functools, queue, collections, contextlib
        lock = threading.Lock(); lock.acquire(); rlock = threading.RLock(); rlock.acquire(); rlock.acquire()
        condition = threading.Condition(); event = threading.Event(); event.set(); sem = threading.Semaphore(3); sem.acquire()
        local = threading.local(); local.x = 5
        fifo = queue.Queue(); fifo.put(1); fifo.put(2); simple = queue.SimpleQueue(); simple.put("a")
        class Thing: pass
        thing = Thing(); ref = weakref.ref(thing); same = weakref.ref(thing); proxy = weakref.proxy(thing); thing.v = 1
        dead = weakref.ref(Thing())
        hits = []
        weak = weakref.WeakValueDictionary(a=thing); keys = weakref.WeakKeyDictionary(); keys[thing] = 1; ws = weakref.WeakSet([thing])
        def gone(r): hits.append("gone")
        other = Thing(); watched = weakref.ref(other, gone)
        final = weakref.finalize(other, hits.append, "final")
        var = contextvars.ContextVar("var", default=3); token = var.set(9); ctx = contextvars.copy_context()
        @functools.lru_cache(maxsize=2)
        def small(x, y=0): return (x, y)
        small(1); small(2, y=5); small(3); small(2, y=5)
        @functools.cache
        def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
        fib(30)
        @functools.singledispatch
        def show(x): return "any"
        @show.register
        def _(x: int): return "int"
        class Lazy:
            @functools.cached_property
            def heavy(self): return [1]
        lazy = Lazy(); lazy.heavy.append(2)
        stack = contextlib.ExitStack(); stack.callback(hits.append, "stack")
        order = sorted("bca", key=functools.cmp_to_key(lambda a, b: (a > b) - (a < b)))
        """,
        """
        assert lock.locked() and rlock._is_owned(); rlock.release(); rlock.release()
        try: rlock.release()
        except RuntimeError: pass
        else: raise AssertionError
        lock.release()
        with condition: pass
        assert event.is_set() and sem._value == 2 and local.x == 5
        assert fifo.get() == 1 and fifo.get() == 2 and fifo.empty() and simple.get() == "a"
        assert ref() is thing and ref is same and proxy.v == 1 and dead() is None
        assert weak["a"] is thing and keys[thing] == 1 and thing in ws
        assert final.alive
        del other
        assert sorted(hits) == ["final", "gone"], hits
        del thing
        assert ref() is None and not weak and not keys and not ws
        assert ctx[var] == 9
        info = small.cache_info()
        assert (info.hits, info.misses, info.currsize) == (1, 3, 2), info
        small(3); small(2, y=5); assert small.cache_info().hits == 3; small(1); assert small.cache_info().misses == 4
        assert fib.cache_info().misses == 31 and fib(30) == 832040 and fib.cache_info().misses == 31 and fib(31) == 1346269
        assert show(1) == "int" and show("") == "any"
        assert lazy.heavy == [1, 2]
        hits.clear(); stack.close(); assert hits == ["stack"]
        """,
    )


def test_values_and_exceptions_travel(round_trip):
    round_trip(
        """
        import re, struct, decimal, fractions, datetime, random, array, pathlib, uuid, collections, types, copy, hashlib
        match = re.search("(b)(c)?", "abd"); pattern = re.compile("x", re.I)
        packer = struct.Struct("<If"); number = decimal.Decimal("1.5"); half = fractions.Fraction(1, 2)
        when = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        rng = random.Random(5); rng.gauss(0, 1); expected = copy.deepcopy(rng).random()
        numbers = array.array("d", [1.5]); path = pathlib.Path("a/b"); ident = uuid.UUID(int=5)
        view = memoryview(bytearray(b"abcdef"))[2:4]; base = view.obj
        counter = collections.Counter("aab"); dd = collections.defaultdict(list, a=[1]); dq = collections.deque([1, 2], maxlen=2)
        od = collections.OrderedDict(b=1, a=2); od.move_to_end("b"); chain = collections.ChainMap(dd, od)
        ns = types.SimpleNamespace(a=1); ns.me = ns
        proxy = types.MappingProxyType(dd)
        class Mine(Exception):
            def __init__(self, a, b): super().__init__(f"{a}{b}"); self.a = a
        try:
            try: {}["k"]
            except KeyError as e: raise Mine(1, 2) from e
        except Mine as e: error = e; error.add_note("note")
        try: open("/nonexistent/x")
        except OSError as e: oserror = e
        try: b"\\xff".decode()
        except UnicodeDecodeError as e: uni = e
        group = ExceptionGroup("g", [ValueError(1)])
        stop = StopIteration(5); exit_ = SystemExit(3)
        big = 10**100; comp = 1j; nan = float("nan"); nans = [nan, nan]; neg = -0.0
        class F(float): pass
        f = F(-0.0)
        """,
        """
        import traceback, math
        assert match.group(1) == "b" and match.span() == (1, 2) and match.group(2) is None and pattern.match("X")
        assert packer.size == 8 and number == decimal.Decimal("1.5") and half.numerator == 1 and when.year == 2020
        assert rng.random() == expected and numbers[0] == 1.5 and path.name == "b" and ident.int == 5
        base[2] = ord("Z"); assert bytes(view) == b"Zd"
        assert counter["a"] == 2 and dd["z"] == [] and dq.maxlen == 2 and list(dq) == [1, 2]
        assert list(od) == ["a", "b"] and chain["a"] == [1] and chain.maps[0] is dd and ns.me is ns and proxy["a"] == [1]
        assert error.args == ("12",) and error.a == 1 and type(error.__cause__) is KeyError and error.__notes__ == ["note"]
        text = "".join(traceback.format_exception(error))
        assert 'program.py", line' in text and "direct cause" in text, text
        assert oserror.errno == 2 and oserror.filename == "/nonexistent/x" and str(oserror).startswith("[Errno 2]")
        assert uni.reason == "invalid start byte" and "0xff" in str(uni)
        assert group.exceptions[0].args == (1,) and stop.value == 5 and exit_.code == 3
        assert nans[0] is nans[0] and math.copysign(1, neg) == -1 and math.copysign(1, f) == -1
        """,
    )


def test_what_cannot_travel_is_named_and_harmless_until_used(round_trip):
    out = round_trip(
        """
        import socket
        s = socket.socket()
        holder = {"s": [s], "n": 1}
        class Client:
            def __init__(self): self.s = s; self.name = "c"
        client = Client()
        """,
        """
        assert holder["n"] == 1 and client.name == "c"
        try: holder["s"][0].send(b"x")
        except Exception as e: print("RAISED", e)
        assert any("socket" in row["type"] and row["lost"] for row in ledger), ledger
        print([row["path"] for row in ledger])
        """,
    )
    assert "RAISED" in out and "lost when the program was resumed" in out


def test_sets_keep_their_order_and_digests_go_on(round_trip):
    out = round_trip(
        """
        import random, hashlib
        dice = random.Random(1)
        words = {str(dice.randrange(10**6)) for _ in range(500)}
        for w in list(words)[::3]: words.discard(w)
        numbers = set(range(0, 100_000, 7)); numbers -= set(range(0, 99_000, 7))
        frozen = frozenset(words); pairs = {(w, i) for i, w in enumerate(sorted(words)[:50])}
        walk = iter(words); next(walk)
        lists = [list(words), list(numbers), list(frozen), list(pairs)]
        import json
        with open("order.json", "w") as f: json.dump(lists, f)
        running = [hashlib.new(n, b"start" * 50) for n in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")]
        ended = [h.copy() for h in running]
        for h in ended: h.update(b"rest")
        ended = [h.hexdigest() for h in ended]
        """,
        """
        assert [list(words), list(numbers), list(frozen), list(pairs)] == lists
        assert all(w in words for w in lists[0]) and all(p in pairs for p in lists[3])
        assert list(walk) == lists[0][1:]
        words.add("new"); assert "new" in words and len(words) == len(lists[0]) + 1
        for h in running: h.update(b"rest")
        assert [h.hexdigest() for h in running] == ended
        """,
        same_hashes=True,
    )
    assert out == ""


def test_running_digests_go_on_whatever_the_algorithm(round_trip):
    round_trip(
        """
        import hashlib, hmac
        names = sorted(hashlib.algorithms_guaranteed)
        running = {name: hashlib.new(name, b"0123456789" * 21) for name in names}
        keyed = {name: hmac.new(b"key" * 30, b"first" * 40, name) for name in ("md5", "sha256", "sha3_256", "sha512")}
        short = hashlib.blake2b(b"a" * 200, digest_size=20, key=b"key", salt=b"salt", person=b"me")
        same = running["sha3_256"]
        """,
        """
        import hashlib, hmac
        final = lambda d: d.hexdigest(40) if d.name.startswith("shake") else d.hexdigest()
        for name, digest in running.items():
            digest.update(b"second" * 50)
            assert final(digest) == final(hashlib.new(name, b"0123456789" * 21 + b"second" * 50)), name
        for name, digest in keyed.items():
            digest.update(b"second")
            assert digest.digest() == hmac.new(b"key" * 30, b"first" * 40 + b"second", name).digest(), name
        short.update(b"b")
        assert short.digest() == hashlib.blake2b(b"a" * 200 + b"b", digest_size=20, key=b"key", salt=b"salt", person=b"me").digest()
        assert same is running["sha3_256"] and not ledger
        """,
    )


def test_a_database_has_the_rows_of_the_commit_and_keeps_the_later_ones_aside(round_trip, tmp_path):
    round_trip(
        """
        import sqlite3
        class Mine(sqlite3.Connection): pass
        db = sqlite3.connect("a.db", isolation_level="IMMEDIATE", factory=Mine)
        db.row_factory = sqlite3.Row; db.tag = "mine"
        db.execute("create table t (n int)"); db.execute("insert into t values (1)"); db.commit()
        memory = sqlite3.connect(":memory:"); memory.execute("create table m (n)"); memory.execute("insert into m values (5)"); memory.commit()
        cursor = db.cursor(); cursor.arraysize = 7; kept = db.execute("select n as a, 2 as b from t").fetchone()
        closed = sqlite3.connect(":memory:"); closed.close()
        def check_live():
            db.execute("insert into t values (2)"); db.commit(); db.close()
        """,
        """
        import sqlite3
        assert [row["n"] for row in db.execute("select n from t")] == [1]
        db.execute("insert into t values (3)"); db.commit()
        assert [tuple(row) for row in cursor.execute("select n from t")] == [(1,), (3,)]
        assert kept["a"] == 1 and kept.keys() == ["a", "b"] and tuple(kept) == (1, 2) and type(kept) is sqlite3.Row
        assert cursor.connection is db and cursor.arraysize == 7 and type(db) is Mine and db.tag == "mine"
        assert db.isolation_level == "IMMEDIATE" and memory.execute("select n from m").fetchall() == [(5,)]
        try: closed.execute("select 1")
        except sqlite3.ProgrammingError: pass
        else: raise AssertionError
        """,
    )
    assert (tmp_path / "a.db.after-commit.1").exists()


def test_hdf5_files_are_open_at_the_same_place_and_closed_ones_stay_closed(round_trip):
    round_trip(
        """
        import h5py
        file = h5py.File("a.h5", "w"); data = file.create_dataset("g/d", (2, 3), maxshape=(None, 3)); data[0] = 1
        group = file["g"]; group.attrs["n"] = 4; closed = h5py.File("b.h5", "w"); closed.close()
        alias = [data]
        """,
        """
        data.resize(3, 0); data[2] = 7; group.attrs["n"] += 1; file.flush()
        assert alias[0] is data and data[:].tolist()[0] == [1, 1, 1] and file["g/d"] == data and file["g"].attrs["n"] == 5
        assert file.mode == "r+" and not closed and file and data.file == file and group.name == "/g"
        """,
    )


def test_text_that_waits_above_memory_or_an_object_of_the_program_is_not_lost(round_trip):
    round_trip(
        """
        import io
        parts = []
        class Sink(io.RawIOBase):
            def writable(self): return True
            def write(self, data): parts.append(bytes(data)); return len(data)
        class Source(io.BufferedIOBase):
            def readable(self): return True
            def read1(self, size=-1): return rest.pop(0) if rest else b""
        rest = [b"a\\nb\\n", b"c\\n"]
        below = io.BytesIO(); memory = io.TextIOWrapper(below, "utf-16", newline="\\r\\n")
        own = io.TextIOWrapper(Sink(), "ascii", errors="xmlcharrefreplace")
        begun = io.TextIOWrapper(Sink(), "utf-16"); begun.write("x"); begun.flush(); parts.clear()
        shifted = io.TextIOWrapper(io.BytesIO(), "iso2022_jp")
        reading = io.TextIOWrapper(Source(), "ascii")
        memory.write("one\\n"); own.write("\\xe9"); shifted.write("\\u65e5")
        def check_live():
            assert parts == [] and below.getvalue() == b""
        """,
        """
        assert parts == [] and below.getvalue() == b""
        memory.write("two"); memory.flush(); assert below.getvalue().decode("utf-16") == "one\\r\\ntwo"
        own.write("!"); own.flush(); assert parts == [b"&#233;!"]; parts.clear()
        begun.write("y"); begun.flush(); assert parts == ["y".encode("utf-16-le")]
        shifted.write("\\u672c"); shifted.flush()
        assert shifted.buffer.getvalue().decode("iso2022_jp") == "\\u65e5\\u672c"
        assert [line for line in reading] == ["a\\n", "b\\n", "c\\n"]
        """,
    )


def test_dates_decimals_and_ranges_keep_what_they_lead_to(round_trip):
    round_trip(
        """
        import datetime, decimal
        class Zone(datetime.tzinfo):
            def __init__(self, hours): self.hours, self.used = hours, []
            def utcoffset(self, when): return datetime.timedelta(hours=self.hours)
            def dst(self, when): return None
            def __reduce__(self): return Zone, (self.hours,), self.__dict__
        zone = Zone(3); zone.used.append(zone)
        here = [datetime.datetime(2020, 1, 2, 3, tzinfo=zone), datetime.time(4, tzinfo=zone)]
        class Day(datetime.date): pass
        class Span(datetime.timedelta): pass
        class Moment(datetime.datetime):
            __slots__ = "who",
            def __new__(cls, year, who): made = super().__new__(cls, year, 1, 1, tzinfo=zone); made.who = who; return made
        class Money(decimal.Decimal):
            def __init__(self, *_): self.log = [self]
        day, span, moment, money = Day(2020, 1, 1), Span(2), Moment(1999, "me"), Money("1.10"); day.note = [day]
        plain = [datetime.datetime(2020, 1, 1, 5, fold=1), datetime.time(1, 2, 3, 4, fold=1), datetime.date.min,
                 datetime.timedelta(-1, 2, 3), decimal.Decimal("-0.00"), decimal.Decimal("sNaN1"), range(2**70, 0, -3)]
        twice = [plain[0], plain[3], plain[4], plain[6]]
        """,
        """
        import datetime, decimal
        assert all(when.tzinfo is zone for when in here) and zone.used == [zone] and here[0].hour == 3
        assert type(day) is Day and day.note[0] is day and type(span) is Span and span.days == 2
        assert (type(moment), moment.year, moment.who, moment.tzinfo) == (Moment, 1999, "me", zone)
        assert type(money) is Money and money.log[0] is money and str(money) == "1.10"
        assert plain[0].fold == plain[1].fold == 1 and plain[1].microsecond == 4 and plain[2] == datetime.date.min
        assert plain[3] == datetime.timedelta(-1, 2, 3) and str(plain[4]) == "-0.00" and str(plain[5]) == "sNaN1"
        assert plain[6] == range(2**70, 0, -3) and [twice[k] is plain[n] for k, n in enumerate((0, 3, 4, 6))] == [True] * 4
        """,
    )
