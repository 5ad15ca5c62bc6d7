"""The journal keeps whole lines and never disturbs the program."""

from __future__ import annotations

import json
import os
import threading

from dartslurm.journal import Journal


def test_events_are_read_back_in_order(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.write("start", attempt=1)
    journal.write("commit", version=1, path=tmp_path, digest=b"x")
    first, second = journal.read()
    assert (first["event"], first["attempt"]) == ("start", 1)
    assert (second["version"], second["pid"]) == (1, os.getpid())
    assert first["time_utc"] <= second["time_utc"]


def test_writing_never_raises(tmp_path):
    journal = Journal(str(tmp_path / "missing" / "journal"))
    journal.write("start")

    class Rude:
        def __str__(self):
            raise RuntimeError("no")

    Journal(str(tmp_path / "journal")).write("start", value=Rude())
    assert journal.read() == []


def test_torn_and_foreign_lines_are_left_out(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.write("one")
    with open(journal.path, "ab") as target:
        target.write(b'{"event": "to\n[1]\n\xff\xfe\n')
    journal.write("two")
    assert [row["event"] for row in journal.read()] == ["one", "two"]


def test_lines_of_many_threads_do_not_mix(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    threads = [
        threading.Thread(target=lambda n=n: [journal.write("x", n=n) for _ in range(50)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.read()) == 400


def test_a_line_with_any_flipped_bit_is_left_out(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.write("opened", path="out.txt", length_bytes=1234)
    with open(journal.path, "rb") as source:
        good = source.read()
    for at in range(len(good) - 1):
        for bit in range(8):
            raw = bytearray(good)
            raw[at] ^= 1 << bit
            with open(journal.path, "wb") as target:
                target.write(raw)
            assert journal.read() == []


def test_a_line_is_plain_json(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.write("start", attempt=1)
    with open(journal.path, "rb") as source:
        assert json.loads(source.read())["attempt"] == 1


def test_the_newest_line_of_an_event_is_found_at_the_end_of_a_long_journal(tmp_path):
    journal = Journal(str(tmp_path / "journal.jsonl"))
    assert journal.newest("a") is None
    for number in range(2000):
        journal.write("ab"[number % 2], number=number)
    journal.write("b", text="x" * 300)
    with open(journal.path, "ab") as file:
        file.write(b'{"event": "a", "number": 7}\n')  # not sealed
    assert journal.newest("a")["number"] == 1998 and "text" in journal.newest("b")
    assert journal.newest("c") is None
