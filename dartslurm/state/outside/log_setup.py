"""The tree of loggers: levels, handlers and filters as the program set them."""

from __future__ import annotations

import sys
from typing import Any


def collect() -> dict[str, Any] | None:
    """Return the state of every logger that differs from a new one."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    manager = logging.root.manager
    loggers = {"": logging.root, **manager.loggerDict}
    return {
        "disable": manager.disable,
        "raise": logging.raiseExceptions,
        "levels": dict(logging._levelToName),
        "loggers": {
            name: (logger.level, logger.handlers, logger.propagate, logger.disabled, logger.filters)
            for name, logger in loggers.items()
            if isinstance(logger, logging.Logger)
        },
    }


def restore(found: dict[str, Any] | None) -> None:
    """Set it up again; handlers are flushed at exit as those of a fresh set-up are."""
    if found is None:
        return
    import logging

    logging.raiseExceptions = found["raise"]
    for level, name in found["levels"].items():
        logging.addLevelName(level, name)
    for name, (level, handlers, propagate, disabled, filters) in found["loggers"].items():
        logger = logging.getLogger(name) if name else logging.root
        logger.setLevel(level)
        logger.handlers = handlers
        logger.propagate, logger.disabled, logger.filters = propagate, disabled, filters
        for handler in handlers:
            if handler not in _known(logging):
                logging._addHandlerRef(handler)  # type: ignore[attr-defined]
    logging.root.manager.disable = found["disable"]


def _known(logging: Any) -> list[Any]:
    return [ref() for ref in logging._handlerList]
