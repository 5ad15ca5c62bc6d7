"""SciPy's sparse factorizations (``splu``, ``spilu``, ``factorized``): their factors, bit by bit.

SuperLU gives its factors out as matrices, but takes none in, and to factorize again it would need
the matrix, which nobody may hold any more. So the arrays behind both factors are read where the
object says they lie, and put in the place of those of a unit matrix of the same size. They are
never freed: SciPy frees only memory that its own table lists. A sample of each type is taken apart
and put together first; where that does not solve the same system, nothing is touched.

Source:
    ``SuperLUObject``, ``scipy/sparse/linalg/_dsolve/_superluobject.h``; ``SuperMatrix``,
    ``SCformat`` and ``NCformat``, ``SuperLU/SRC/supermatrix.h`` (SuperLU 5 to 7).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dartslurm.state.memory import keep_for_ever

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_Factor: Any = sys.modules["scipy.sparse.linalg._dsolve._superlu"].SuperLU


class _Matrix(ctypes.Structure):
    _fields_ = (
        ("storage", ctypes.c_int), ("type", ctypes.c_int), ("form", ctypes.c_int),
        ("rows", ctypes.c_int), ("columns", ctypes.c_int), ("store", ctypes.c_void_p),
    )  # fmt: skip


class _Object(ctypes.Structure):
    _fields_ = (
        ("head", ctypes.c_ssize_t * 2), ("m", ctypes.c_ssize_t), ("n", ctypes.c_ssize_t),
        ("lower", _Matrix), ("upper", _Matrix),
        ("perm_r", ctypes.c_void_p), ("perm_c", ctypes.c_void_p),
    )  # fmt: skip


class _Supernodes(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int), ("last", ctypes.c_int), ("values", ctypes.c_void_p),
        ("value_starts", ctypes.c_void_p), ("rows", ctypes.c_void_p),
        ("row_starts", ctypes.c_void_p), ("node_of", ctypes.c_void_p),
        ("node_starts", ctypes.c_void_p),
    )  # fmt: skip


class _Columns(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int), ("values", ctypes.c_void_p), ("rows", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
    )  # fmt: skip


class Factors(NamedTuple):
    """What a factorization is made of: counts and arrays of both factors, and the permutations."""

    counts: tuple[int, int, int]
    lower: list[Any]
    upper: list[Any]
    permutations: list[Any]


_LOWER = ("values", "value_starts", "rows", "row_starts", "node_of", "node_starts")
_UPPER = ("values", "rows", "starts")
_TYPES = "fdFD"
_FORMS = ((3, 1), (0, 4))
"""Storage and form of the factors: supernodes, unit lower; columns, upper."""


def reduce_factorization(factorization: Any, writer: Writer) -> Reduction:
    """Reduce a factorization."""
    char = _TYPES[_object(factorization).lower.type & 3]
    if not _is_understood(char) or not _is_laid_out(factorization):
        return writer.refuse(factorization, "a factorization of an unknown build of SuperLU")
    return make_factorization, (char, factorization.shape[0], *_read(factorization, char))


def _object(factorization: Any) -> Any:
    return _Object.from_address(id(factorization))


def _is_laid_out(factorization: Any) -> bool:
    found, size = _object(factorization), factorization.shape[0]
    shapes = {(found.m, found.n)} | {(m.rows, m.columns) for m in (found.lower, found.upper)}
    forms = tuple((m.storage, m.form) for m in (found.lower, found.upper))
    return shapes == {(size, size)} and forms == _FORMS


@cache
def _is_understood(char: str) -> bool:
    """Tell whether a sample taken apart and put together is the same factorization."""
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    dense = (np.arange(64) * 37 % 11 * (np.arange(64) % 3 > 0)).reshape(8, 8) + 50 * np.eye(8)
    sample = splu(csc_matrix(dense[::-1].astype(char)))
    if _Factor.__basicsize__ < ctypes.sizeof(_Object) or not _is_laid_out(sample):
        return False
    again = make_factorization(char, 8, *_read(sample, char))
    right = np.arange(8).astype(char)
    return (
        np.array_equal(again.solve(right), sample.solve(right))
        and (again.L != sample.L).nnz == (again.U != sample.U).nnz == 0
        and np.array_equal(again.perm_r, sample.perm_r)
        and again.nnz == sample.nnz
    )


def _read(factorization: Any, char: str) -> Factors:
    found, size = _object(factorization), factorization.shape[0]
    nodes = _Supernodes.from_address(found.lower.store)
    columns = _Columns.from_address(found.upper.store)

    def ints(address: int, length: int) -> Any:
        return _array(address, length, "i4")

    value_starts, row_starts = (
        ints(address, size + 1) for address in (nodes.value_starts, nodes.row_starts)
    )
    starts = ints(columns.starts, size + 1)
    lower = [
        _array(nodes.values, value_starts[-1], char), value_starts,
        ints(nodes.rows, row_starts[-1]), row_starts,
        ints(nodes.node_of, size + 1), ints(nodes.node_starts, nodes.last + 2),
    ]  # fmt: skip
    upper = [_array(columns.values, starts[-1], char), ints(columns.rows, starts[-1]), starts]
    permutations = [ints(address, size) for address in (found.perm_r, found.perm_c)]
    return Factors((nodes.count, nodes.last, columns.count), lower, upper, permutations)


def _array(address: int, length: int, char: str) -> Any:
    dtype = np.dtype(char)
    return np.frombuffer(ctypes.string_at(address, int(length) * dtype.itemsize), dtype).copy()


def make_factorization(
    char: str,
    size: int,
    counts: tuple[int, int, int],
    lower: list[Any],
    upper: list[Any],
    permutations: list[Any],
) -> Any:
    """Rebuild a factorization."""
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    made = splu(identity(size, char, "csc"))
    found = _object(made)
    nodes = _Supernodes.from_address(found.lower.store)
    columns = _Columns.from_address(found.upper.store)
    nodes.count, nodes.last, columns.count = counts
    for owner, names, arrays in ((nodes, _LOWER, lower), (columns, _UPPER, upper)):
        for name, array in zip(names, arrays, strict=True):
            own = np.array(array)
            keep_for_ever(own)
            setattr(owner, name, own.ctypes.data)
    for address, array in zip((found.perm_r, found.perm_c), permutations, strict=True):
        ctypes.memmove(address, array.ctypes.data, array.nbytes)
    return made


REDUCERS: dict[type, Any] = {_Factor: reduce_factorization}
