"""Loggers: by their name, with level, handlers and filters; handlers keep their streams."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

RECREATED = True


def claim(cls: type) -> Reducer | None:
    """Take loggers, once ``logging`` is loaded."""
    logging = sys.modules.get("logging")
    if logging is not None and issubclass(cls, logging.Logger):
        return reduce_logger
    return None


def reduce_logger(logger: Any, writer: Writer) -> Reduction:
    """Reduce a logger of the tree by name; any other by value."""
    logging = sys.modules["logging"]
    if (
        logger is not logging.root
        and logging.root.manager.loggerDict.get(logger.name) is not logger
    ):
        return writer.raw(logger)
    return find_logger, (None if logger is logging.root else logger.name,)


def find_logger(name: str | None) -> Any:
    """Rebuild a reference to a logger of the tree."""
    import logging

    return logging.getLogger(name)
