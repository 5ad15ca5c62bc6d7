"""The environment: what the program has changed of it travels, by an allow-list of its own making.

What the process was started with never travels: it belongs to the shell, the job and the node, and
it holds tokens. Only what the program itself has set or removed since its first line does, less
what looks like a secret, by its name or because its value holds a password or another variable's
secret. Of those the name alone is kept. At resume such a variable has the value of the new
environment, and a note says so; a program that made it itself has to be given it from outside.

A name of a harmless thing may look like a secret (``TOKENIZERS_PARALLELISM``), and a setting that
is lost changes what the program does; so the words that are known to be harmless are taken out of a
name before it is judged. In doubt it is a secret.
"""

from __future__ import annotations

import os
import re
from typing import Any

_SECRET = re.compile(
    "TOKEN|KEY|SECRET|PASS|PWD|CREDENTIAL|CREDS|AUTH|COOKIE|SIGNATURE|JWT|BEARER|DSN|WEBHOOK"
    "|(?:^|_)PAT(?:_|$)",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    "TOKENIZERS?|TOKENIZATION|(?:^|_)(?:NUM|MAX|MIN|N)_(?:NEW_)?TOKENS$|KEYBOARD|KEYMAP|KEYWORD"
    "|HOTKEY|MONKEY|AUTHORS?(?![A-Z])|BYPASS|COMPASS|PASSIVE|PASSENGER|(?:^|_)PASSES$"
    "|^(?:OLD)?PWD$",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_FOREIGN = ("DART_", "SLURM_", "SBATCH_", "PMI")
_LEAST_SECRET = 6
"""Characters; a shorter value is in too many others by chance."""

_begun: dict[str, str] = {}
_missing: set[str] = set()
"""What was withheld from an attempt before, and has not been set again."""


def watch() -> None:
    """Remember what the program finds."""
    if not _begun:
        _begun.update(os.environ)


def _is_secret(name: str) -> bool:
    return _SECRET.search(_HARMLESS.sub("", name)) is not None


def collect() -> dict[str, Any]:
    """Return what the program has set and removed, and the names of what is withheld."""
    now = dict(os.environ)
    changed = {
        name: value
        for name, value in now.items()
        if _begun.get(name) != value and not name.startswith(_FOREIGN)
    }
    named = {**_begun, **now}.items()
    secrets = {v for name, v in named if len(v) >= _LEAST_SECRET and _is_secret(name)}
    withheld = {
        name
        for name, value in changed.items()
        if _is_secret(name)
        or _PASSWORD_IN_URL.search(value)
        or any(secret in value for secret in secrets)
    }
    return {
        "set": {name: value for name, value in changed.items() if name not in withheld},
        "removed": [n for n in _begun if n not in now and not n.startswith(_FOREIGN)],
        "withheld": sorted(withheld | (_missing - now.keys())),
    }


def restore(found: dict[str, Any]) -> list[str]:
    """Make the program's changes again; return what cannot be made."""
    withheld = found.get("withheld", [])
    # As if the program had found this environment itself: its changes stay changes from now on.
    _begun.clear()
    _begun.update(dict.fromkeys(found["removed"], ""))
    _begun.update(os.environ)
    for name in (*found["set"], *withheld):
        _begun.pop(name, None)
    _missing.clear()
    _missing.update(name for name in withheld if name not in os.environ)
    os.environ.update(found["set"])
    for name in found["removed"]:
        os.environ.pop(name, None)
    return [
        f"environment variable {name}, which the program had set, looks like a secret and is not "
        f"kept: it {'is not set' if name in _missing else 'has its value of now'}"
        for name in withheld
    ]
