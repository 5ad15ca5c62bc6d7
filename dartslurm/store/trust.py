"""Trust: whose states are loaded, and from which folders.

Takes paths; refuses those that somebody else owns or may change. Resuming runs what a version
holds, so whoever can put a version there could run programs as us.

Root loads root's own states, and those of one other user if that one is named in
``DART_TRUST_OWNER``: whoever is root by habit does not run other people's programs by accident.

Of the folders above the store, only those matter that every user may rename things in: there
another store could be put in place of ours. That they belong to the group or to a project's
leader is usual, and what they could put there would not belong to us.
"""

from __future__ import annotations

import os
from os import geteuid as _geteuid
from os.path import dirname as _dirname
from stat import S_ISDIR, S_ISVTX, S_IWGRP, S_IWOTH

from dartslurm import disk
from dartslurm.errors import NotFoundError, UntrustedError, UsageError


def owners() -> frozenset[int]:
    """The users whose states may be loaded: we, and for root the one that root names.

    Raises:
        UsageError: if ``DART_TRUST_OWNER`` names no user.
    """
    us = _geteuid()
    named = os.environ.get("DART_TRUST_OWNER")
    if us != 0 or not named:
        return frozenset({us})
    if named.isdecimal():
        return frozenset({us, int(named)})
    from pwd import getpwnam

    try:
        return frozenset({us, getpwnam(named).pw_uid})
    except KeyError as cause:
        raise UsageError(f"DART_TRUST_OWNER={named} is no user of this system") from cause


def trust_root(path: str) -> None:
    """Refuse another user's store, and one that everybody may rename things in, or above it."""
    if _is_open_to_all(_owned_folder(path)):
        raise _changeable(path, "o-w")
    above = _dirname(path)
    while above not in ("", path):
        about = disk.look(above)
        if about is not None and _is_open_to_all(about.st_mode):
            raise _changeable(above, "o-w")
        path, above = above, _dirname(above)


def trust_folder(path: str) -> None:
    """Refuse a folder that anybody else owns or may write."""
    if _owned_folder(path) & (S_IWGRP | S_IWOTH):
        raise _changeable(path, "go-w")


def trust_file(about: os.stat_result, path: str) -> None:
    """Refuse a file that anybody else owns or may write."""
    if about.st_uid not in owners():
        raise UntrustedError(
            f"{path} belongs to user {about.st_uid}", remedy="only the owner may load it"
        )
    if about.st_mode & (S_IWGRP | S_IWOTH):
        raise _changeable(path, "go-w")


def _is_open_to_all(mode: int) -> bool:
    return bool(mode & S_IWOTH) and not mode & S_ISVTX


def _changeable(path: str, change: str) -> UntrustedError:
    return UntrustedError(
        f"{path} may be changed by other users", remedy=f"run chmod {change} {path}, if it is yours"
    )


def _owned_folder(path: str) -> int:
    about = disk.look(path)
    if about is None:
        raise NotFoundError(f"{path} is missing", kind="no-store", remedy="check --dart-store")
    if not S_ISDIR(about.st_mode):
        raise UntrustedError(f"{path} is not a folder", remedy="choose another --dart-store")
    if about.st_uid not in owners():
        raise UntrustedError(
            f"{path} belongs to user {about.st_uid}, not to you", remedy="use a store of your own"
        )
    return about.st_mode
