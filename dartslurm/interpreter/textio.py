"""The exact position of a text file that is being iterated.

``for line in file`` reads ahead and makes ``tell()`` refuse. The information is there all the same:
a flag of the C object only says that ``tell`` would be slow. `tell` sets it for one moment.

Source:
    ``Modules/_io/textio.c``: ``textio.telling``, cleared by ``textiowrapper_iternext``.
"""

from __future__ import annotations

from ctypes import c_char
from io import TextIOWrapper, UnsupportedOperation

_TELLING = 95


def tell(file: TextIOWrapper) -> int:
    """Return the position cookie of ``file``, also in the middle of an iteration.

    Raises:
        OSError: if the file has no position (a pipe, a terminal).
    """
    try:
        return file.tell()
    except UnsupportedOperation:
        raise
    except OSError:
        if type(file) is not TextIOWrapper:
            raise
    flag = c_char.from_address(id(file) + _TELLING)
    if flag.value != b"\0" or not file.seekable():
        raise OSError("the file has no position")
    flag.value = b"\1"
    try:
        return file.tell()
    finally:
        flag.value = b"\0"


def stop_telling(file: TextIOWrapper) -> None:
    """Put a reopened file into the middle of an iteration: the next line comes by ``next``."""
    if type(file) is TextIOWrapper:
        c_char.from_address(id(file) + _TELLING).value = b"\0"


def is_iterated(file: TextIOWrapper) -> bool:
    """Tell whether ``file`` is in the middle of an iteration."""
    flag: bytes = c_char.from_address(id(file) + _TELLING).value
    return type(file) is TextIOWrapper and flag == b"\0" and file.seekable()
