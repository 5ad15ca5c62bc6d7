"""What `disk` writes is ours alone, whole, and says clearly what went wrong."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from dartslurm import disk
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
