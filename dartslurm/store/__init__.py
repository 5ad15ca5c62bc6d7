"""Versions of a run on disk: atomic, durable, verified, readable with plain Zarr.

Takes staged bytes with their digests, dtypes and shapes (never an object of the program); gives
versions and their bytes back. Keeps the order of ``docs/reference/store-format.md``: bytes before
names, names before words.
"""
