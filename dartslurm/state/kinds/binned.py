"""LightGBM's data sets, by the library's binary file, and its boosters, by their model's text.

A data set that has been binned travels with its bins, so that training and validation sets that
were aligned stay so; the file is the library's own, made and removed at once. The text of a model
keeps every double, but not what training needs: the scores, the bags, the random numbers. A booster
that still holds its training set is being trained, and no version is taken until it lets go of it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import weakref
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dartslurm import disk
from dartslurm.state.contract import reader, veto
from dartslurm.state.kinds.instances import fill_dict
from dartslurm.state.layout import dict_door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dartslurm.state.contract import Reducer, Reduction, Writer

_basic: Any = sys.modules["lightgbm.basic"]
_BOOSTER, _DATASET, _PREDICTOR = _basic.Booster, _basic.Dataset, _basic._InnerPredictor
_FOLDERS = ("/dev/shm", os.environ.get("TMPDIR", "/tmp"))
_numbers = count()


def claim(cls: type) -> Reducer | None:
    """Take data sets, boosters and predictors, and classes built on them."""
    if issubclass(cls, _DATASET):
        return reduce_dataset
    if issubclass(cls, _BOOSTER):
        return reduce_booster
    return reduce_predictor if issubclass(cls, _PREDICTOR) else None


class _Silent:
    """Stands for the program's logger while the library works for us."""

    def __getattr__(self, _: str) -> Callable[[str], None]:
        return lambda _message: None


@contextmanager
def _silence() -> Iterator[None]:
    kept, _basic._LOGGER = _basic._LOGGER, _Silent()
    try:
        yield
    finally:
        _basic._LOGGER = kept


def reduce_dataset(dataset: Any, writer: Writer) -> Reduction:
    """Reduce a data set: its bins if it has them, and what Python holds of it."""
    namespace = _namespace(dataset)
    index = scores = None
    if namespace.get("_handle") is not None:
        with _silence():
            content = _written(namespace["_handle"])
            scores = _DATASET.get_field(dataset, "init_score")
        index = writer.leaf(dataset, memoryview(content), "|u1", (len(content),))
    writer.defer(fill_dataset, dataset, ({**namespace, "_handle": None}, index, scores))
    return object.__new__, (type(dataset),)


def _written(handle: Any) -> bytes:
    with _file() as path:
        _basic._safe_call(_basic._LIB.LGBM_DatasetSaveBinary(handle, path.encode()))
        with open(path, "rb") as file:
            return file.read()


@contextmanager
def _file() -> Iterator[str]:
    """Give a name that no file has (the library writes over none), and remove the file after."""
    folder = next((name for name in _FOLDERS if os.access(name, os.W_OK)), ".")
    path = os.path.join(folder, f"dart-bins-{os.getpid()}-{next(_numbers)}")
    disk.remove(path)
    try:
        yield path
    finally:
        disk.remove(path)


def fill_dataset(dataset: Any, state: tuple[dict[str, Any], int | None, Any]) -> None:
    """Give a data set its attributes and its bins."""
    namespace, index, scores = state
    fill_dict(dataset, namespace)
    if index is None:
        return
    handle = ctypes.c_void_p()
    with _silence(), _file() as path:
        disk.write_new(path, [memoryview(reader().leaf(index))], durable=False)
        parameters = _basic._param_dict_to_str({**(namespace["params"] or {}), "verbosity": -1})
        _basic._safe_call(_basic._LIB.LGBM_DatasetCreateFromFile(
            path.encode(), parameters.encode(), None, ctypes.byref(handle)
        ))  # fmt: skip
        dataset._handle = handle
        if scores is not None:
            version, kept = dataset.version, dataset.init_score
            _DATASET.set_init_score(dataset, scores)
            dataset.version, dataset.init_score = version, kept


def reduce_booster(booster: Any, writer: Writer) -> Reduction:
    """Reduce a booster that is trained.

    Raises:
        NotYetError: while it holds its training set.
    """
    namespace = _namespace(booster)
    if namespace.get("train_set") is not None:
        there = weakref.ref(booster)
        veto("lightgbm trains a booster", lambda: "train_set" in vars(there() or _Silent()))
    text = None
    if namespace.get("_handle"):
        text = _BOOSTER.model_to_string(booster, num_iteration=-1)
    namespace.pop("_handle", None)
    writer.defer(fill_dict, booster, namespace)
    return make_booster, (type(booster), text)


def make_booster(cls: Any, text: str | None) -> Any:
    """Rebuild a booster from the text of its model."""
    booster = cls.__new__(cls)
    booster._handle = None
    if text is not None:
        with _silence():
            _BOOSTER.__setstate__(booster, {"_handle": text})
    return booster


def reduce_predictor(predictor: Any, writer: Writer) -> Reduction:
    """Reduce what predicts for a booster that goes on from another: it borrows that one's model."""
    namespace = _namespace(predictor)
    handle = namespace.pop("_handle", None)
    if namespace.get("_InnerPredictor__is_manage_handle"):
        model = SimpleNamespace(_handle=handle, pandas_categorical=None)  # frees nothing
        text = _BOOSTER.model_to_string(model, num_iteration=-1)
        writer.defer(fill_predictor, predictor, (namespace, text))
    else:
        writer.defer(fill_predictor, predictor, (namespace, _owner_of(handle)))
    return object.__new__, (type(predictor),)


def _owner_of(handle: Any) -> Any:
    for holder in gc.get_referrers(handle):
        for owner in gc.get_referrers(holder) if type(holder) is dict else [holder]:
            if isinstance(owner, _BOOSTER):
                return owner
    return None


def fill_predictor(predictor: Any, state: tuple[dict[str, Any], Any]) -> None:
    """Give a predictor its attributes, and its own model or another's."""
    namespace, source = state
    fill_dict(predictor, namespace)
    if type(source) is str:
        lender = make_booster(_BOOSTER, source)
        predictor._handle, lender._handle = lender._handle, None
    elif source is not None:
        predictor._handle = source._handle


def _namespace(obj: Any) -> dict[str, Any]:
    return dict(dict_door(type(obj)).__get__(obj))
