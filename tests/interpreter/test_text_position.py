"""The position of a text file is exact in the middle of an iteration."""

import gzip

import pytest

from dartslurm.interpreter.textio import is_iterated, tell

OPENERS = {"plain": open, "gzip": gzip.open}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("stop", [0, 1, 700, 1999])
@pytest.mark.parametrize("opener", OPENERS)
def test_position_inside_an_iteration(tmp_path, newline, stop, opener):
    path = tmp_path / "text"
    with OPENERS[opener](path, "wt", newline="", encoding="utf-8") as out:
        out.writelines(f"línea {i}{newline}" for i in range(2000))
    with OPENERS[opener](path, "rt", encoding="utf-8") as file:
        for number, _ in enumerate(file):
            if number == stop:
                position = tell(file)
                break
        assert is_iterated(file)
        rest = file.read()
    with OPENERS[opener](path, "rt", encoding="utf-8") as again:
        again.seek(position)
        assert again.read() == rest


def test_a_pipe_has_no_position():
    import os

    read, write = os.pipe()
    os.close(write)
    with open(read) as pipe, pytest.raises(OSError):
        tell(pipe)


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("length", range(40, 44))
def test_position_with_a_line_end_on_the_border_of_a_block(tmp_path, newline, length):
    path = tmp_path / "text"
    path.write_bytes((b"x" * length + b"\r\n") * 400)
    for stop in (0, 5, 250):
        with path.open(newline=newline, encoding="utf-8") as file:
            for _ in zip(range(stop + 1), file, strict=False):
                pass
            position, rest = tell(file), file.read()
        with path.open(newline=newline, encoding="utf-8") as again:
            again.seek(position)
            assert again.read() == rest
