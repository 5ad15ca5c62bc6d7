"""Values of options and variables: seconds, percents, and ``--dart-NAME=VALUE`` words."""

from __future__ import annotations

import re

from dartslurm.errors import UsageError


def seconds(text: str) -> float | None:
    """Read ``auto`` (``None``) or a number of seconds.

    Raises:
        UsageError: if it is neither.
    """
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise UsageError(f"--dart-interval={text} is no number of seconds above 0, nor auto")
    return value


def percent(text: str) -> float:
    """Read a percentage.

    Raises:
        UsageError: if it is not between 0 and 100.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 100:
        raise UsageError(f"--dart-overhead={text} is no percentage")
    return value


def size_and_count(text: str | None) -> tuple[int | None, int | None] | None:
    """Read ``BYTES``, ``BYTES,FILES`` or ``,FILES``, such as ``20G,5000``.

    Raises:
        UsageError: if it is none of these.
    """
    if not text:
        return None
    found = re.fullmatch(r"(?:(\d+)([KMGT]?))?(?:,(\d+))?", text)
    if found is None or not (found[1] or found[3]):
        raise UsageError(f"--dart-quota={text} is no quota such as 20G or 20G,5000")
    return _bytes(found) if found[1] else None, int(found[3]) if found[3] else None


def size(text: str | None) -> int | None:
    """Read a size such as ``512M``; ``None`` where none is given.

    Units:
        Bytes.

    Raises:
        UsageError: if it is none.
    """
    if not text:
        return None
    found = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if found is None:
        raise UsageError(f"--dart-memory={text} is no size such as 512M or 4G")
    return _bytes(found)


def _bytes(found: re.Match[str]) -> int:
    return int(found[1]) << 10 * " KMGT".index(found[2] or " ")


def take_options(
    words: list[str], known: dict[str, bool], program: str
) -> tuple[dict[str, str], list[str]]:
    """Split leading options from the rest.

    ``known`` maps an option's name (``--dart-store``) to whether it takes a value, given as
    ``NAME=VALUE`` or as the next word.

    Raises:
        UsageError: if an option is unknown or lacks its value.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("--") and rest[0] != "--":
        name, equals, value = rest.pop(0).partition("=")
        if name not in known:
            raise UsageError(f"unknown option {name}", remedy=f"see {program} --help")
        if not known[name]:
            found[name] = value or "1"
        elif equals:
            found[name] = value
        elif rest:
            found[name] = rest.pop(0)
        else:
            raise UsageError(f"{name} needs a value", remedy=f"see {program} --help")
    if rest and rest[0] == "--":
        rest.pop(0)
    return found, rest
