"""What `disk` writes is ours alone, whole, and says clearly what went wrong."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
from mmap import mmap

import pytest

from dartslurm import aside, bulk, disk
from dartslurm.errors import CorruptError, StoreError


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_folders_and_files_are_ours_alone_whatever_the_umask(tmp_path, umask):
    deep = str(tmp_path / "a" / "b")
    disk.make_folders(deep)
    disk.write_new(f"{deep}/new", [b"1"])
    disk.replace_file(f"{deep}/replaced", b"2")
    disk.append(f"{deep}/log", b"3")
    assert mode(f"{tmp_path}/a") == mode(deep) == 0o700
    assert {mode(f"{deep}/{name}") for name in os.listdir(deep)} == {0o600}


def test_a_folder_that_exists_keeps_its_mode(tmp_path):
    os.chmod(tmp_path, 0o755)
    assert disk.make_folder(str(tmp_path)) is False
    assert mode(tmp_path) == 0o755


def test_a_new_file_must_be_new(tmp_path):
    path = str(tmp_path / "x")
    disk.write_new(path, [b"first"])
    with pytest.raises(StoreError):
        disk.write_new(path, [b"second"])
    assert disk.read_file(path, 100) == b"first"


def test_pieces_are_written_in_order_without_joining(tmp_path):
    pieces = [b"%d," % n for n in range(1000)] + [b"", memoryview(bytearray(b"end" * 5))]
    path = str(tmp_path / "x")
    assert disk.write_new(path, iter(pieces)) == len(b"".join(pieces))
    assert disk.read_file(path, 1 << 20) == b"".join(pieces)


BLOCK = bulk.BLOCK_BYTES
PAGE = bulk.PAGESIZE
LENGTHS = [0, 1, PAGE, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5 * PAGE, 3 * BLOCK + 777]


def refuse(*_):
    raise OSError(errno.EINVAL, "not here")


def no_direct(real, fd, how, flags=0):
    return refuse() if flags & os.O_DIRECT else real(fd, how, flags)


def no_thread(*_):
    raise RuntimeError("can't start new thread")


def short(real):
    return lambda fd, views, at: real(fd, [views[0][: max(700, len(views[0]) // 3)]], at)


def refused_when_direct(real):
    """A file system that takes one block and then finds that the next is not aligned."""
    calls = iter([real])

    def write(fd, views, at):
        is_direct = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT
        return next(calls, refuse if is_direct else real)(fd, views, at)

    return write


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("disturb", [None, "no direct", "no thread", "short", "refused"])
def test_bulk_is_what_was_given_whatever_the_file_system_takes(
    tmp_path, monkeypatch, length, disturb, threads
):
    if disturb == "no thread":
        monkeypatch.setattr(aside, "start_new_thread", no_thread)
    if disturb == "no direct":
        monkeypatch.setattr(bulk, "_fcntl", lambda fd, *how: no_direct(fcntl.fcntl, fd, *how))
    if disturb in ("short", "refused"):
        wrap = short if disturb == "short" else refused_when_direct
        monkeypatch.setattr(disk, "_pwritev", wrap(disk._pwritev))
    content = random.Random(length).randbytes(length)
    pieces = [memoryview(content)[at : at + 5000] for at in range(0, length, 5000)]
    path = str(tmp_path / "x")
    assert disk.write_new(path, pieces, bulk=threads) == length
    assert (tmp_path / "x").read_bytes() == content


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("failing", [1, 3, 5])
def test_bulk_that_fails_says_so_and_leaves_nothing(tmp_path, monkeypatch, failing, threads):
    real, calls = disk._pwritev, iter(range(1, 10))

    def full(fd, views, at):
        if next(calls) == failing:
            raise OSError(errno.ENOSPC, "full")
        return real(fd, views, at)

    monkeypatch.setattr(disk, "_pwritev", full)
    with pytest.raises(StoreError) as failure:
        disk.write_new(str(tmp_path / "x"), [bytes(4 * BLOCK + 9)], bulk=threads)
    assert failure.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


def drop_from_cache(fd):
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize("begin", [0, 1, 512, PAGE - 1])
@pytest.mark.parametrize("length", [1, PAGE - 1, PAGE, 10 * PAGE, 10 * PAGE + 777])
@pytest.mark.parametrize("is_alike", [True, False])
def test_bulk_is_read_as_it_lies(tmp_path, begin, length, is_alike, is_cached):
    content = random.Random(7).randbytes(20 * PAGE)
    (tmp_path / "x").write_bytes(content)
    fd = disk.open_file(str(tmp_path / "x"))
    if not is_cached:
        drop_from_cache(fd)
    room = memoryview(mmap(-1, 20 * PAGE))
    at = begin if is_alike else begin + 16
    view = room[at : at + length]
    disk.read_bulk(fd, view, PAGE + begin, "x")
    assert bytes(view) == content[PAGE + begin :][:length]
    assert not any(room[:at]) and not any(room[at + length :])
    disk.close_file(fd)


def test_a_file_that_ends_too_early_for_bulk_says_so(tmp_path):
    (tmp_path / "x").write_bytes(bytes(5 * PAGE + 9))
    fd = disk.open_file(str(tmp_path / "x"))
    drop_from_cache(fd)
    with pytest.raises(CorruptError, match=f"ends at byte {5 * PAGE + 9}"):
        disk.read_bulk(fd, memoryview(mmap(-1, 8 * PAGE)), 0, "x")
    disk.close_file(fd)


def test_a_link_never_replaces(tmp_path):
    one, two, name = (str(tmp_path / part) for part in ("one", "two", "name"))
    disk.write_new(one, [b"1"])
    disk.write_new(two, [b"2"])
    assert disk.link_new(one, name)
    assert disk.link_new(one, name)  # the same file: a lost reply, not a conflict
    assert not disk.link_new(two, name)
    assert disk.read_file(name, 10) == b"1"


def test_links_are_not_followed(tmp_path):
    (tmp_path / "target").write_bytes(b"secret")
    os.symlink(tmp_path / "target", tmp_path / "link")
    with pytest.raises(StoreError):
        disk.read_file(str(tmp_path / "link"), 100)
    with pytest.raises(StoreError):
        disk.append(str(tmp_path / "link"), b"x")


def test_a_file_larger_than_its_limit_is_not_read(tmp_path):
    path = str(tmp_path / "x")
    disk.write_new(path, [b"12345"])
    with pytest.raises(CorruptError):
        disk.read_file(path, 4)


def test_missing_things_are_none_or_false(tmp_path):
    path = str(tmp_path / "nothing")
    assert disk.read_file(path, 1) is None
    assert disk.look(path) is None
    assert disk.open_file(path) is None
    assert disk.remove(path) is False
    assert disk.folder_names(path) == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errno.ENOSPC, "store-full"),
        (errno.EDQUOT, "store-quota"),
        (errno.EROFS, "store-permission"),
        (errno.EIO, "store-io"),
        (errno.ESTALE, "store-io"),
        (errno.ENAMETOOLONG, "store"),
    ],
)
def test_a_failure_names_the_path_the_cause_and_the_remedy(tmp_path, monkeypatch, error, kind):
    def fail(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(disk, "_writev", fail)
    path = str(tmp_path / "x")
    with pytest.raises(StoreError) as failure:
        disk.write_new(path, [b"1"])
    assert failure.value.kind == kind
    assert path in str(failure.value)
    assert failure.value.remedy
    assert os.listdir(tmp_path) == []


def test_cutting_shortens_and_renaming_replaces(tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    disk.write_new(one, [b"123456"])
    disk.write_new(two, [b"old"])
    disk.cut_file(one, 3)
    disk.rename(one, two)
    assert disk.read_file(two, 10) == b"123"


def test_discarding_never_raises_and_takes_folders_too(tmp_path):
    os.makedirs(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "c").write_bytes(b"1")
    disk.discard(str(tmp_path / "a"))
    disk.discard(str(tmp_path / "a"))
    assert os.listdir(tmp_path) == []
