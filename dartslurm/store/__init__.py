"""Versions of a run on disk: atomic, durable, verified, readable with plain Zarr.

Takes staged bytes with their digests, dtypes and shapes (never an object of the program); gives
versions and their bytes back. Keeps the order of ``docs/reference/store-format.md``: bytes before
names, names before words.

The package is also the function that shows a version to Zarr, because that is what people want
of it::

    import dartslurm, zarr

    group = zarr.open_group(dartslurm.store("r-7f3a91c2", version=7), mode="r")
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dartslurm.store.zarr_view import VersionStore


class _Door(ModuleType):
    """This package, which may be called. Nothing is imported before it is."""

    def __call__(
        self, run: str | None = None, version: int | None = None, *, store: str | None = None
    ) -> VersionStore:
        """Show a version of a run to Zarr, read-only; none of the user's code runs.

        Args:
            run: its name, ``NAME@VERSION``, or the path of its folder; the newest if not given.
            version: its number; the newest whole one if not given.
            store: where runs live; as for the commands if not given.

        Raises:
            NotFoundError: if there is no such store, run or version.
            CorruptError: if the version's manifest is damaged.
            UntrustedError: if the store is not yours.
        """
        from dartslurm.store.zarr_view import show_version

        return show_version(run, version, store)


sys.modules[__name__].__class__ = _Door
