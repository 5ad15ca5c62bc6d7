"""XGBoost's matrices and boosters: by the library's own binary forms, exact to the next tree.

A matrix in memory is written by the library into an anonymous file, and read from one; one that
keeps only bins (``QuantileDMatrix``) or lies on disk has no such form and is refused. A booster
brings its trees, parameters and configuration; what it has cached for a matrix is summed anew, in
the same order, so that training goes on to the same trees. Its random numbers lie where nobody can
read them: while ``xgboost.train`` draws rows, columns or trees, no version is taken.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.state.contract import reader, veto
from dartslurm.state.kinds.instances import fill_dict
from dartslurm.state.layout import dict_door

if TYPE_CHECKING:
    from types import FrameType

    from dartslurm.state.contract import Reducer, Reduction, Writer

_FRACTIONS = ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode")
_DROPS = ("rate_drop", "one_drop")
_SELECTORS = ("shuffle", "random")
_TRAINING = "xgboost.training"

_core: Any = sys.modules["xgboost.core"]
_BOOSTER, _MATRIX, _PROXY = _core.Booster, _core.DMatrix, _core._ProxyDMatrix


def claim(cls: type) -> Reducer | None:
    """Take matrices and boosters, and classes built on them."""
    if issubclass(cls, _BOOSTER):
        return reduce_booster
    if issubclass(cls, _PROXY):
        return reduce_proxy
    return reduce_matrix if issubclass(cls, _MATRIX) else None


def reduce_matrix(matrix: Any, writer: Writer) -> Reduction:
    """Reduce a matrix that lies in memory; the library writes no other."""
    namespace = _rest_of(matrix)
    descriptor = os.memfd_create("dart-matrix")
    try:
        if getattr(matrix, "handle", None) is not None:
            _MATRIX.save_binary(matrix, f"/proc/self/fd/{descriptor}")
        content = _content_of(descriptor)
    except _core.XGBoostError:
        return writer.refuse(matrix, "a matrix of xgboost that the library does not write")
    finally:
        os.close(descriptor)
    writer.defer(fill_dict, matrix, namespace)
    return make_matrix, (type(matrix), _leaf(matrix, content, writer))


def make_matrix(cls: Any, index: int | None) -> Any:
    """Rebuild a matrix from what the library wrote."""
    matrix = cls.__new__(cls)
    if index is None:
        return matrix
    descriptor = os.memfd_create("dart-matrix")
    try:
        disk.write_all(descriptor, [memoryview(reader().leaf(index))], "a matrix of xgboost")
        lender = _MATRIX(f"/proc/self/fd/{descriptor}", silent=True)
    finally:
        os.close(descriptor)
    matrix.handle = lender.handle
    del lender.handle  # it is freed with ``matrix`` alone
    return matrix


def reduce_proxy(matrix: Any, writer: Writer) -> Reduction:
    """Reduce what an iterator hands its batches to; it is given the next one before it is read."""
    writer.defer(fill_dict, matrix, _rest_of(matrix))
    return make_proxy, (type(matrix),)


def make_proxy(cls: Any) -> Any:
    """Rebuild a proxy, empty."""
    proxy = cls.__new__(cls)
    _PROXY.__init__(proxy)
    return proxy


def reduce_booster(booster: Any, writer: Writer) -> Reduction:
    """Reduce a booster.

    Raises:
        NotYetError: while it is trained with random numbers.
    """
    content = b""
    if getattr(booster, "handle", None) is not None:
        if _draws(json.loads(_BOOSTER.save_config(booster))):
            if _is_training():
                veto("xgboost trains with random numbers", _is_training)
            writer.note(booster, "trained further, it draws other random numbers")
        content = bytes(_BOOSTER.__getstate__(booster)["handle"])
    writer.defer(fill_dict, booster, _rest_of(booster))
    return make_booster, (type(booster), _leaf(booster, content, writer))


def make_booster(cls: Any, index: int | None) -> Any:
    """Rebuild a booster from what the library serialized."""
    booster = cls.__new__(cls)
    content = None if index is None else reader().leaf(index)
    _BOOSTER.__setstate__(booster, {"handle": content})
    return booster


def _rest_of(obj: Any) -> dict[str, Any]:
    namespace = dict(dict_door(type(obj)).__get__(obj))
    namespace.pop("handle", None)
    return namespace


def _content_of(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()


def _leaf(owner: Any, content: bytes, writer: Writer) -> int | None:
    if not content:
        return None
    return writer.leaf(owner, memoryview(content), "|u1", (len(content),))


def _is_training() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == _TRAINING:
            return True
        frame = frame.f_back
    return False


def _draws(config: Any) -> bool:
    """Tell whether a configuration draws at random: rows, columns, trees to drop or features."""
    if isinstance(config, list):
        return any(map(_draws, config))
    if not isinstance(config, dict):
        return False
    return (
        any(float(config.get(name, 1)) != 1 for name in _FRACTIONS)
        or any(float(config.get(name, 0)) != 0 for name in _DROPS)
        or config.get("feature_selector") in _SELECTORS
        or config.get("lambdarank_pair_method") == "mean"
        or any(map(_draws, config.values()))
    )
