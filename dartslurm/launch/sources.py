"""The source files of the program's own modules: which they are, and their digests."""

from __future__ import annotations

import os
from hashlib import sha256

from dartslurm.state.modules import is_user_file, namespace_of, user_modules

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Sources:
    """Answers for file names; a digest is computed once for each size and time of a file."""

    def __init__(self) -> None:
        self._user: dict[str, bool] = {}
        self._digests: dict[str, tuple[tuple[int, int], str]] = {}

    def is_user_file(self, name: str) -> bool:
        """Tell whether code from file ``name`` is the user's own."""
        known = self._user.get(name)
        if known is None:
            known = self._user[name] = not name.startswith(
                ("<frozen", _OWN_FOLDER)
            ) and is_user_file(name)
        return known

    def digests(self) -> dict[str, str]:
        """Return the digest of each file that a user's module was read from."""
        found = {}
        for module in user_modules().values():
            path = namespace_of(module).get("__file__")
            if not isinstance(path, str):
                continue
            digest = self._digest(path)
            if digest:
                found[path] = digest
        return found

    def _digest(self, path: str) -> str:
        try:
            about = os.stat(path)
            mark = about.st_size, about.st_mtime_ns
            known = self._digests.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            with open(path, "rb") as file:
                digest = sha256(file.read()).hexdigest()
        except OSError:
            return ""
        self._digests[path] = mark, digest
        return digest


def changed_sources(recorded: dict[str, str]) -> list[str]:
    """Return the files whose content is not what it was when the version was taken."""
    now = Sources()
    return [
        path
        for path, digest in recorded.items()
        if os.path.exists(path) and now._digest(path) != digest
    ]
