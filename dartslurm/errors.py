"""The error tree, grouped by what the caller can do about a failure.

Every error carries a stable ``kind`` (append-only, one page section each in
``docs/reference/messages.md``), a ``remedy`` (one imperative sentence) and the exit code that
a command ends with. Inside a job no error of ours ever ends the user's program.

    DartError
    ├── UsageError          2    fix the call
    ├── NotFoundError       3/4  no such run or job (3), no such version (4)
    ├── ConflictError       5    another live instance holds the run
    ├── MismatchError       6    code, interpreter or device differ
    ├── StoreError          7    quota, permissions, purged: make room or move
    ├── CorruptError        8    fall back to the version before
    ├── UntrustedError      9    owner or mode of the state
    ├── ClusterError        10   this cluster cannot do it
    ├── UnavailableError    75   wait and retry
    ├── NotYetError         –    a veto: not at this instant, try the next statement
    ├── UncapturableError   –    refused for good, with its path
    └── InternalError       70   a bug: please report it
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import FrameType


begun: list[bool] = []
"""Filled when the program begins: what is raised from then on may be its own, and is let pass."""


class DartError(Exception):
    """Base of every error that leaves the package."""

    exit_code: ClassVar[int] = 1
    default_kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, kind: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.kind, self.remedy)

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


def _rebuild(cls: type[DartError], message: str, kind: str, remedy: str) -> DartError:
    return cls(message, kind=kind, remedy=remedy)


class UsageError(DartError, ValueError):
    """The call itself is wrong."""

    exit_code = 2
    default_kind = "usage"


class NotFoundError(DartError, LookupError):
    """No such run or job."""

    exit_code = 3
    default_kind = "not-found"


class NoVersionError(NotFoundError):
    """The run has no (such) committed version."""

    exit_code = 4
    default_kind = "no-version"


class ConflictError(DartError):
    """Another live instance holds the run, or has won it."""

    exit_code = 5
    default_kind = "conflict"


class MismatchError(DartError):
    """Source, interpreter or device differ from those of the version."""

    exit_code = 6
    default_kind = "mismatch"


class StoreError(DartError, OSError):
    """The store cannot be used: quota, permissions, purged."""

    exit_code = 7
    default_kind = "store"


class CorruptError(DartError):
    """A piece of a version is missing or fails its checksum."""

    exit_code = 8
    default_kind = "corrupt"


class UntrustedError(DartError):
    """The owner or the mode of a state forbids loading it."""

    exit_code = 9
    default_kind = "untrusted"


class ClusterError(DartError):
    """This cluster cannot do what was asked."""

    exit_code = 10
    default_kind = "cluster"


class UnavailableError(DartError):
    """A service did not answer; the same call may succeed later."""

    exit_code = 75
    default_kind = "unavailable"


class NotYetError(DartError):
    """A veto: this instant cannot be captured, the next statement may."""

    default_kind = "not-yet"
    still: Callable[[], bool] = staticmethod(lambda: False)
    """A cheap test whether the reason still holds; set by who raises."""
    culprit: object = None
    """The object that refuses, until it has been named."""
    holder: str = ""
    """The library's function, by its qualified name, whose end the reason will hardly outlive."""
    lifted_by_us: bool = False
    """Whether a thread of ours takes the reason away, and no line of the program does."""


class UncapturableError(DartError):
    """An object that cannot travel, with the path to it."""

    default_kind = "uncapturable"


class InternalError(DartError):
    """A bug of ours."""

    exit_code = 70
    default_kind = "internal"


_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("store-full", "make room (bytes and files) or choose another --dart-store"),
    errno.EDQUOT: ("store-quota", "make room in your quota or choose another --dart-store"),
    errno.EACCES: ("store-permission", "check the owner and mode of the folder"),
    errno.EPERM: ("store-permission", "check the owner and mode, and that hard links are allowed"),
    errno.EROFS: ("store-permission", "the file system is read-only; choose another --dart-store"),
    errno.ENOENT: ("store-missing", "check that the store was not moved or purged"),
    errno.ENOTDIR: ("store-missing", "check that the path names a folder"),
    errno.EIO: ("store-io", "check the disk; the versions committed before are untouched"),
    errno.ESTALE: ("store-io", "check the network file system and try again"),
}


def store_error(action: str, path: str, cause: OSError) -> StoreError:
    """Say what failed, where, and what to do about it."""
    kind, remedy = _CAUSES.get(cause.errno or 0, ("store", "check the file system"))
    reason = cause.strerror or type(cause).__name__
    error = StoreError(f"cannot {action} {path}: {reason}", kind=kind, remedy=remedy)
    error.errno = cause.errno
    return error


def runs_in(frame: FrameType, packages: Container[str]) -> bool:
    """Tell whether a frame runs code of a package; the file of generated code tells nothing."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] in packages


def is_ours(error: BaseException, also: frozenset[str] = frozenset()) -> bool:
    """Tell whether a failure comes from us, and not from a signal handler of the program.

    ``also`` are modules that we call, and the program's handlers do not live in.
    """
    walk = error.__traceback__
    while walk is not None:
        if not runs_in(walk.tb_frame, {"dartslurm", *also}):
            return False
        walk = walk.tb_next
    return not isinstance(error, KeyboardInterrupt | SystemExit)
