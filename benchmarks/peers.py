"""The peers of our store, each used as its own documentation says.

Each takes a folder; ``write`` brings an array, later what changed of it (its last row), and
``read`` reads it into memory. ``promise`` says what holds when ``write`` has returned.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MIB = 1 << 20


def sync(path: str) -> None:
    """Make a file or folder durable."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


class OfZarr:
    """Zarr into a plain folder, 4 MiB chunks: nothing is synced, and there is one version."""

    name, promise = "zarr LocalStore", "nothing durable, no versions, no checksum"

    def __init__(self, folder: str) -> None:
        import zarr  # noqa: F401

        self.folder = folder
        self.array: Any = None

    def open(self) -> Any:
        """Open the store that is written to."""
        return self.folder

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Write the array; later only the chunk that changed, the last one."""
        import zarr

        if self.array is None:
            rows = max(1, 4 * MIB // array[0].nbytes)
            group = zarr.open_group(self.open(), mode="a")
            self.array = group.create_array(
                "X", shape=array.shape, dtype=array.dtype, chunks=(rows, *array.shape[1:]),
                compressors=None,
            )  # fmt: skip
            self.array[...] = array
        else:
            self.array[-1:] = array[-1:]
        self.commit()

    def commit(self) -> None:
        """Make it a version where there are versions."""

    def read(self) -> None:
        """Read the array into memory."""
        import zarr

        zarr.open_group(self.open(), mode="r")["X"][...]


class OfIcechunk(OfZarr):
    """Icechunk on a local folder, a commit each time."""

    name, promise = "icechunk", "versions and transactions, nothing synced"

    def __init__(self, folder: str) -> None:
        import icechunk

        super().__init__(folder)
        storage = icechunk.local_filesystem_storage(folder)
        self.repository = icechunk.Repository.create(storage)
        self.session: Any = None

    def open(self) -> Any:
        """Open a session."""
        if self.array is None:
            self.session = self.repository.writable_session("main")
            return self.session.store
        return self.repository.readonly_session("main").store

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Write and commit; a session ends with its commit."""
        if self.array is not None:
            import zarr

            self.session = self.repository.writable_session("main")
            self.array = zarr.open_group(self.session.store, mode="a")["X"]
        super().write(array)

    def commit(self) -> None:
        """Commit the session."""
        self.session.commit("benchmark")


class OfTensorstore:
    """Tensorstore, Zarr in an OCDBT store, a transaction each time."""

    name, promise = "tensorstore OCDBT", "synced, atomic a store, no list of old versions"

    def __init__(self, folder: str) -> None:
        import tensorstore  # noqa: F401  (its time is not that of writing; without it, left out)

        self.folder = folder
        self.array: Any = None

    def _open(self, **how: Any) -> Any:
        import tensorstore

        kvstore = {"driver": "ocdbt", "base": f"file://{self.folder}/"}
        return tensorstore.open({"driver": "zarr3", "kvstore": kvstore}, **how).result()

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Write the array; later only the chunk that changed."""
        import tensorstore

        if self.array is None:
            rows = max(1, 4 * MIB // array[0].nbytes)
            grid = tensorstore.ChunkLayout(chunk_shape=(rows, *array.shape[1:]))
            self.array = self._open(
                create=True, dtype=array.dtype.name, shape=array.shape, chunk_layout=grid
            )
            part: Any = slice(None)
        else:
            part = slice(array.shape[0] - 1, None)
        with tensorstore.Transaction() as transaction:
            self.array.with_transaction(transaction)[part] = array[part]

    def read(self) -> None:
        """Read the array into memory."""
        self._open(read=True).read().result()


class OfH5py:
    """One HDF5 file, flushed and synced by hand, as careful users do."""

    name, promise = "h5py", "synced by the user, a kill while writing may cost the file"

    def __init__(self, folder: str) -> None:
        import h5py  # noqa: F401

        self.path = f"{folder}/x.h5"

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Write the array; later only its last row."""
        import h5py

        with h5py.File(self.path, "a") as target:
            if "X" in target:
                target["X"][-1:] = array[-1:]
            else:
                target["X"] = array
        sync(self.path)

    def read(self) -> None:
        """Read the array into memory."""
        import h5py

        with h5py.File(self.path) as source:
            source["X"][...]


class OfTorch:
    """``torch.save`` to a new file, synced and renamed: the whole state each time."""

    name, promise = "torch.save", "synced and renamed by the user, the whole state each time"

    def __init__(self, folder: str) -> None:
        import torch  # noqa: F401

        self.folder = folder

    def write(self, array: np.ndarray[Any, Any]) -> None:
        """Write everything anew."""
        import torch

        torch.save({"X": torch.from_numpy(array)}, f"{self.folder}/new")
        sync(f"{self.folder}/new")
        os.rename(f"{self.folder}/new", f"{self.folder}/x.pt")
        sync(self.folder)

    def read(self) -> None:
        """Read the array into memory."""
        import torch

        torch.load(f"{self.folder}/x.pt", weights_only=True)
