"""Where a store is by default, as every command and the runtime agree on it.

Takes an option's value and an environment; gives a path. No input or output.
"""

from __future__ import annotations

from os.path import abspath, expanduser, join
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def store_path(option: str | None, environ: Mapping[str, str]) -> str:
    """Choose the store: the option, else ``DART_STORE``, else ``$SCRATCH/dart``, else ``.dart``."""
    if option:
        return abspath(expanduser(option))
    if environ.get("DART_STORE"):
        return abspath(expanduser(environ["DART_STORE"]))
    if environ.get("SCRATCH"):
        return abspath(join(environ["SCRATCH"], "dart"))
    return abspath(".dart")
