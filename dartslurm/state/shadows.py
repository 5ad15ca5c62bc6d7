"""Modules of the program's own that have the name of one the runtime has loaded.

A program may have a ``json.py`` beside it; to the program ``import json`` means that one. Ours must
not get it: all that the runtime may still import is imported before, and keeps what it got.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from types import ModuleType

from dartslurm.state.kinds import registry
from dartslurm.state.modules import loaded, namespace_of
from dartslurm.state.outside import surroundings

_AT_START = frozenset(
    "__main__ _abc _codecs _collections_abc _io _signal _sitebuiltins _stat _thread _warnings "
    "_weakref abc builtins codecs encodings errno genericpath io marshal os posix posixpath site "
    "stat sys time zipimport".split()
)
"""What plain Python has loaded before a program's first line."""


def uncover(folder: str) -> None:
    """Let the program find its own modules where the runtime has loaded others of the same name.

    ``folder`` is the first entry of ``sys.path``.
    """
    try:
        entries = os.listdir(folder or os.curdir)
    except OSError:
        return
    own = {entry.partition(".")[0] for entry in entries} - {"dartslurm", *_AT_START}
    hidden = {name for name in own & sys.stdlib_module_names if _has_module(folder, name)}
    if not hidden:
        return
    registry.load_standard()
    surroundings.load()
    for name, module in loaded():
        if name.partition(".")[0] not in hidden or type(module) is not ModuleType:
            continue
        if isinstance(namespace_of(module).get("__file__"), str):
            del sys.modules[name]


def _has_module(folder: str, top: str) -> bool:
    if top in sys.builtin_module_names:
        return False
    found = importlib.machinery.PathFinder.find_spec(top, [folder or os.curdir])
    return found is not None and found.loader is not None
