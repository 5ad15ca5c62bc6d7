"""What somebody else owns or may change is refused, with one line and exit code 9."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dartslurm.cli.verify import main
from dartslurm.errors import UntrustedError, UsageError
from dartslurm.store import trust
from dartslurm.store.repository import Repository

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def filled(run, writer, stage):
    import numpy as np

    noise = np.random.default_rng(1).standard_normal((300, 150))
    writer.publish(stage({"state": b"1"}, [("x", noise)], writer))
    return run


def refused(root, capsys, *words):
    """Assert the documented code and one line, by the command and by the library."""
    assert main([f"--dart-store={root}", *words]) == 9
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    return err


def test_a_store_of_another_user_is_refused(filled, root, monkeypatch, capsys):
    monkeypatch.setattr(trust, "_geteuid", lambda: NOBODY)
    assert "belongs to user" in refused(root, capsys)
    with pytest.raises(UntrustedError):
        filled.reader(1)
    with pytest.raises(UntrustedError):
        filled.reader()


@pytest.mark.parametrize("kind", ["versions", "packs", "epochs", "run.json"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_in_a_run_is_refused(filled, root, kind, mode):
    path = Path(filled.path, kind)
    for open_to_others in [path, *(path.iterdir() if path.is_dir() else [])]:
        before = open_to_others.stat().st_mode
        open_to_others.chmod(before | mode)
        with pytest.raises(UntrustedError, match="may be changed by other users"):
            use(root, filled)
        open_to_others.chmod(before)
        use(root, filled)


def use(root, filled):
    run = Repository.open(root).run(filled.record.run_id)
    run.reader().leaf(0)
    if "attempt" not in run.holder():  # a claim is for people, and is not taken from a stranger
        raise UntrustedError("the claim may be changed by other users")


@needs_root
@pytest.mark.parametrize("kind", ["versions", "packs", "epochs", "run.json"])
def test_a_single_file_that_somebody_else_put_there_is_refused(filled, root, kind):
    path = Path(filled.path, kind)
    planted = next(path.iterdir()) if path.is_dir() else path
    os.chown(planted, NOBODY, NOBODY)
    with pytest.raises(UntrustedError):
        use(root, filled)


def test_a_world_writable_folder_above_the_store_is_refused(tmp_path, capsys):
    os.mkdir(tmp_path / "shared", 0o700)
    root = str(tmp_path / "shared" / "deep" / "store")
    Repository.open(root, create=True)
    os.chmod(tmp_path / "shared", 0o777)
    assert f"chmod o-w {tmp_path / 'shared'}" in refused(root, capsys)
    with pytest.raises(UntrustedError):
        Repository.open(root, create=True)
    os.chmod(tmp_path / "shared", 0o1777)  # sticky, as /tmp: only owners rename
    Repository.open(root)


@needs_root
def test_root_loads_another_users_state_only_when_it_names_that_user(filled, root, monkeypatch):
    for folder, _, names in os.walk(root):
        os.chown(folder, NOBODY, NOBODY)
        for name in names:
            os.chown(f"{folder}/{name}", NOBODY, NOBODY)
    with pytest.raises(UntrustedError):
        Repository.open(root)
    for named in (str(NOBODY), "nobody"):
        monkeypatch.setenv("DART_TRUST_OWNER", named)
        Repository.open(root).run(filled.record.run_id).reader().leaf(0)
    monkeypatch.setenv("DART_TRUST_OWNER", "1")
    with pytest.raises(UntrustedError):
        Repository.open(root)
    monkeypatch.setenv("DART_TRUST_OWNER", "no-such-user")
    with pytest.raises(UsageError):
        Repository.open(root)


def test_naming_an_owner_helps_nobody_but_root(root, repository, monkeypatch):
    monkeypatch.setattr(trust, "_geteuid", lambda: NOBODY)
    monkeypatch.setenv("DART_TRUST_OWNER", "0")
    with pytest.raises(UntrustedError):
        Repository.open(root)
