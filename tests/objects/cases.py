"""The cases: objects that programs hold, each with a change and a view, read from three tables.

A case is a few lines that make ``x``, a change that is done once before the capture and once after
it, and a view. What the change does after a resume must be what it would have done without one.
"""

from __future__ import annotations

import importlib.util
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

_HERE = Path(__file__).parent
TABLES = ("kishu", "science", "standard")
_MODULES = {
    "scikit-learn": "sklearn", "scikit-image": "skimage", "opencv-python": "cv2",
    "python": "sys", "typing": "typing", "pillow": "PIL",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row of a table."""

    table: str
    name: str
    library: str
    source: str
    mutate: str
    view: str
    kishu: int
    lost: bool
    """Whether a placeholder and a row in the ledger are what must come back."""
    alone: bool
    """Whether it needs a process of its own."""

    @property
    def module(self) -> str:
        """The module that must be there."""
        return _MODULES.get(self.library, self.library)

    @property
    def is_installed(self) -> bool:
        """Tell whether this environment has the library."""
        return self.module == "sys" or importlib.util.find_spec(self.module) is not None

    def to_json(self) -> str:
        """Return the case as one line."""
        return json.dumps(asdict(self))


def read(table: str) -> list[Case]:
    """Return the cases of one table, in its order."""
    with (_HERE / f"{table}.toml").open("rb") as file:
        content = tomllib.load(file)
    preludes = content.get("preludes", {})
    return [
        Case(
            table,
            row["name"],
            row["library"],
            preludes.get(row.get("prelude", ""), "") + row["make"],
            row.get("mutate", "pass"),
            row.get("view", "x"),
            row.get("kishu", 0),
            row.get("lost", False),
            row.get("alone", False),
        )
        for row in content["case"]
    ]


def all_cases() -> list[Case]:
    """Return every case."""
    return [case for table in TABLES for case in read(table)]
